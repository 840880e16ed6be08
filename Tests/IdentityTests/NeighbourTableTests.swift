import CPacketIO
import DNSWire
import PolicyEngine
import Testing

@testable import Identity

/// Who is at which card, by what the kernel tells: news one by one, dumps of all there is, and
/// dumps begun anew because news were lost.
@Suite struct NeighbourTableTests {
    private static func news(
        _ kind: Int, _ address: String, hardware: UInt64 = 0, prefix: UInt8 = 0
    ) throws -> cpio_neighbour {
        let address = try #require(IPAddress(address))
        var news = cpio_neighbour()
        (news.high, news.low) = (address.high, address.low)
        news.hardware = hardware
        news.kind = UInt8(kind)
        news.interface = 2
        news.prefix_bits = prefix
        news.state = hardware == 0 ? 0 : 0x02  // NUD_REACHABLE
        return news
    }

    private static let card: UInt64 = 0x0200_5E10_0001

    private static func tableAtHome() throws -> NeighbourTable {
        var table = NeighbourTable()
        table.beginOwn()
        _ = table.take(
            try news(CPIO_OWN_ADDRESS, "10.55.0.1", prefix: 96 + 24), nowMilliseconds: 0)
        _ = table.endOwn()
        table.beginDump()
        _ = table.take(
            try news(CPIO_NEIGHBOUR, "10.55.0.5", hardware: card), nowMilliseconds: 0)
        _ = table.endDump()
        return table
    }

    /// While all is asked for again, what was known counts: no device loses its name for a moment.
    @Test func ownNetworksCountUntilADumpHasEnded() throws {
        var table = try Self.tableAtHome()
        table.beginOwn()
        #expect(table.attached.count == 1)
        // The kernel forgets a quiet neighbour just now; it counts for a while more.
        let gone = try Self.news(CPIO_NEIGHBOUR_GONE, "10.55.0.5", hardware: Self.card)
        let forgets = table.take(gone, nowMilliseconds: 1000)
        #expect(!forgets)
        #expect(table.hardware(of: try #require(IPAddress("10.55.0.5"))) != nil)
        // Another overrun: the dump is begun anew.
        table.beginOwn()
        #expect(table.attached.count == 1)
        let own = try Self.news(CPIO_OWN_ADDRESS, "10.55.0.1", prefix: 96 + 24)
        let adds = table.take(own, nowMilliseconds: 1000)
        #expect(!adds)
        let ends = table.endOwn()
        #expect(!ends)
        #expect(table.attached.count == 1)
    }

    @Test func anAddressThatADumpLacksIsOursNoMore() throws {
        var table = try Self.tableAtHome()
        table.beginOwn()
        let other = try Self.news(CPIO_OWN_ADDRESS, "10.66.0.1", prefix: 96 + 24)
        let adds = table.take(other, nowMilliseconds: 1000)
        #expect(adds)
        #expect(table.attached.count == 2)
        let ends = table.endOwn()
        #expect(ends)
        #expect(table.attached.count == 1)
        #expect(table.count == 0)
    }

    /// What is taken away while a dump goes on is not brought back by what the dump said before.
    @Test func anAddressThatGoesDuringADumpIsGone() throws {
        var table = try Self.tableAtHome()
        table.beginOwn()
        let own = try Self.news(CPIO_OWN_ADDRESS, "10.55.0.1", prefix: 96 + 24)
        _ = table.take(own, nowMilliseconds: 1000)
        let gone = try Self.news(CPIO_OWN_ADDRESS_GONE, "10.55.0.1", prefix: 96 + 24)
        let goes = table.take(gone, nowMilliseconds: 1000)
        #expect(goes)
        let ends = table.endOwn()
        #expect(!ends)
        #expect(table.attached.isEmpty)
        #expect(table.count == 0)
    }
}

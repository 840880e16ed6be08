import PolicyEngine
import PolicyFile
import Testing

/// The feeds to choose from load as they are, and all that there is to say is that none is here yet.
@Test func theSampleOfFeedsLoads() throws {
    let root = try #require(packageFolder)
    let load = loadPolicy(
        at: root + "/deploy/samples/feeds/policy.yaml",
        now: Instant(seconds: 1_795_500_000))
    #expect(load.loaded != nil, "\(load.diagnostics)")
    #expect(load.webLists.count > 8)
    #expect(load.diagnostics.count == load.webLists.count)
    #expect(load.diagnostics.allSatisfy { $0.message.contains("was never fetched") })
}

import DNSWire
import DomainLists

/// Names that are made to cost much, each kind with the index that they are asked of.
enum HostileNames {
    /// A kind of names and the work of looking them up.
    struct Kind {
        var name: String
        var work: LookUps
        /// Labels of each name: a deeper name has more to look at.
        var labels: Int
    }

    static func kinds(
        _ names: [String], _ index: DomainIndex, in folder: TemporaryFolder
    ) throws -> [Kind] {
        let label = String(repeating: "l", count: 63)
        let long = "\(label).\(label).\(label).\(String(repeating: "e", count: 61))"
        let deep = Array(repeating: "d", count: 127).joined(separator: ".")
        // Every suffix of the deep name is listed as well.
        let chain = (1...127).map { Array(repeating: "d", count: $0).joined(separator: ".") }
        let extra = [long] + chain
        let grown = try mappedIndex(names + extra, in: folder)
        return [
            Kind(name: "255 octets, listed", work: LookUps(grown, wire([long])), labels: 4),
            Kind(
                name: "255 octets, not listed",
                work: LookUps(grown, wire(["x" + long.dropFirst()])), labels: 4),
            Kind(name: "127 labels, all listed", work: LookUps(grown, wire([deep])), labels: 127),
            Kind(
                name: "127 labels, all but the first listed",
                work: LookUps(grown, wire(["x" + deep.dropFirst()])), labels: 127),
            Kind(
                name: "127 labels, not listed",
                work: LookUps(index, wire([deep])), labels: 127),
            Kind(
                name: "2^17 alike, listed",
                work: LookUps(alike.index, try Asked.listed(alike.names)), labels: 2),
        ]
    }

    private static func wire(_ names: [String]) -> WireNames {
        WireNames(names.compactMap { try? DomainName(parsing: $0) })
    }

    /// Names of one length that differ in single bits of letters far apart: what makes a poor hash
    /// fall together. That names cannot be made for the hash itself is for its key to see to.
    private static let alike: (index: DomainIndex, names: [String]) = {
        let bits = 17
        let names = (0..<(1 << bits)).map { number in
            let letters = (0..<bits).map { number >> $0 & 1 == 0 ? "dxx" : "exx" }
            return letters.joined() + ".xa"
        }
        return (compile(Names.text(names, .domains), .domains).index, names)
    }()

    /// Processor time to read a list whose lines are all the same, and of one whose lines all differ.
    static func duplicates(_ count: Int) -> (same: Double, different: Double) {
        func seconds(_ names: [String]) -> Double {
            let text = Names.text(names, .domains)
            let begun = Clock.cpu
            Results.keep(compile(text, .domains).index.nameCount)
            return Double(Clock.cpu - begun) / 1e9
        }
        let different = Names.madeUp(count)
        let same = Array(repeating: different[0], count: count)
        return (seconds(same), seconds(different))
    }
}

// swift-tools-version: 6.2
import PackageDescription

/// Every room is compiled under the same rules: Swift 6 concurrency, explicit `unsafe`,
/// explicit imports, and no warning left behind.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A room of the house: a source target under `Sources/`.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: rules)
}

/// The tests of one room, under `Tests/`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: rules)
}

/// What encrypted upstreams are spoken to with; no other room touches these.
let encryption: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOHPACK", package: "swift-nio-http2"),
]

let package = Package(
    name: "bellgate",
    products: [
        .executable(name: "bellgate", targets: ["bellgate"]),
        // For tests alone: preloaded into the program, it makes a disk that refuses to read.
        .library(name: "BadDisk", type: .dynamic, targets: ["CBadDisk"]),
        // For Tests/Benchmarks alone: a package of its own sees products and nothing else.
        .library(
            name: "rooms",
            targets: [
                "DNSWire", "LDNSBridge", "DomainLists", "PolicyEngine", "PolicyFile", "Forwarding",
                "DecisionLog", "LogStore", "DNSServer", "Replay",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // Line 0: what Swift cannot see by itself.
        .systemLibrary(
            name: "CLDNS", path: "Sources/CLDNS", providers: [.apt(["libldns-dev", "libssl-dev"])]),
        .systemLibrary(
            name: "CYAML", path: "Sources/CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CIDN", path: "Sources/CIDN", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Sources/CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CArchive", path: "Sources/CArchive", providers: [.apt(["libarchive-dev"])]),
        .target(name: "CPacketIO", path: "Sources/CPacketIO"),
        .systemLibrary(name: "CPrefetch", path: "Sources/CPrefetch"),
        .target(name: "CChecksum", path: "Sources/CChecksum"),
        // Line 1: DNS as bytes, and the library for everything off the query path.
        room("DNSWire"),
        room("LDNSBridge", ["CLDNS", "CIDN", "DNSWire"]),
        // Line 2
        room("DomainLists", ["CPrefetch", "DNSWire"]),
        // Line 3
        room("PolicyEngine", ["DNSWire", "DomainLists"]),
        // Line 4
        room("PolicyFile", ["CYAML", "DNSWire", "LDNSBridge", "DomainLists", "PolicyEngine"]),
        room("Forwarding", ["CPacketIO", "CPrefetch", "DNSWire"] + encryption),
        room("DecisionLog", ["CChecksum", "CPacketIO", "CPrefetch", "DNSWire", "LDNSBridge"]),
        // Line 5
        room("ListFetch", ["CArchive", "CCurl", "DNSWire", "DomainLists", "PolicyFile"]),
        room(
            "LogStore",
            ["CChecksum", "DNSWire", "DecisionLog", .product(name: "GRDB", package: "GRDB.swift")]),
        room(
            "DNSServer",
            [
                "CPacketIO", "DNSWire", "DomainLists", "PolicyEngine", "PolicyFile", "Forwarding",
                "DecisionLog",
            ]),
        room("LimitsOfUse", ["DNSWire", "DecisionLog", "PolicyEngine", "PolicyFile"]),
        room("Replay", ["DNSWire", "DomainLists", "PolicyEngine", "DecisionLog"]),
        // Line 6
        room(
            "Identity",
            ["CPacketIO", "DNSWire", "LDNSBridge", "PolicyEngine", "PolicyFile", "DNSServer"]),
        room(
            "Alerts",
            [
                "CCurl", "CPacketIO", "DNSWire", "LDNSBridge", "PolicyEngine", "PolicyFile",
                "DecisionLog", "LimitsOfUse",
            ]),
        room(
            "Review",
            [
                "DNSWire", "LDNSBridge", "DomainLists", "PolicyEngine", "PolicyFile",
                "DecisionLog", "LimitsOfUse", "LogStore",
            ]),
        // Line 7
        room(
            "BlockPage",
            [
                "DNSWire", "LDNSBridge", "DomainLists", "PolicyEngine", "PolicyFile", "DecisionLog",
                "Review",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        // Line 8
        .executableTarget(
            name: "bellgate",
            dependencies: [
                "CPacketIO", "DNSWire", "LDNSBridge", "DomainLists", "PolicyEngine", "PolicyFile",
                "Forwarding", "DecisionLog", "Alerts", "Identity", "LimitsOfUse", "ListFetch",
                "LogStore", "DNSServer", "Replay", "Review", "BlockPage",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: rules),
        .target(name: "CBadDisk", path: "Tests/Support/CBadDisk"),
        // Counts allocations, in place of the C library's functions.
        .target(name: "CAllocCount", path: "Tests/Support/CAllocCount"),
        tests(
            "AllocationTests",
            ["CAllocCount", "DNSWire", "DomainLists", "PolicyEngine", "DecisionLog"]),
        // The house's own rules, held by reading the sources.
        tests("TidyTests", []),
        // Random numbers that are the same each time.
        .target(name: "Dice", path: "Tests/Support/Dice", swiftSettings: rules),
        tests("DNSWireTests", ["Dice", "DNSWire", "LDNSBridge"]),
        tests("LDNSBridgeTests", ["LDNSBridge", "DNSWire"]),
        tests("DomainListsTests", ["DomainLists", "DNSWire", "LDNSBridge"]),
        tests(
            "PolicyEngineTests",
            ["PolicyEngine", "Dice", "DomainLists", "DNSWire", "DecisionLog", "Replay"]),
        tests(
            "ReplayTests", ["Replay", "DecisionLog", "PolicyEngine", "DomainLists", "DNSWire"]),
        tests(
            "PolicyFileTests",
            ["PolicyFile", "Dice", "PolicyEngine", "DomainLists", "DNSWire", "LDNSBridge"]),
        // A web server that tests tell what to answer.
        .target(name: "WebServer", path: "Tests/Support/WebServer", swiftSettings: rules),
        tests("ListFetchTests", ["ListFetch", "DomainLists", "PolicyFile", "WebServer"]),
        tests(
            "AlertsTests",
            [
                "Alerts", "DecisionLog", "DNSWire", "LDNSBridge", "PolicyEngine", "PolicyFile",
                "WebServer",
            ]),
        // An access point that reports logins.
        .target(
            name: "AccessPoint", dependencies: ["DNSWire", "LDNSBridge"],
            path: "Tests/Support/AccessPoint", swiftSettings: rules),
        tests(
            "IdentityTests",
            [
                "AccessPoint", "CPacketIO", "DNSServer", "DNSWire", "Identity", "LDNSBridge",
                "PolicyEngine",
                "PolicyFile",
            ]),
        tests("PacketIOTests", ["CPacketIO", "Dice"]),
        tests(
            "ForwardingTests",
            ["CPacketIO", "Dice", "Forwarding", "DNSWire", "WebServer"] + encryption),
        // Folders for the tests of the log.
        .target(name: "LogFixtures", path: "Tests/Support/LogFixtures", swiftSettings: rules),
        tests(
            "DecisionLogTests",
            ["CChecksum", "DecisionLog", "Dice", "DNSWire", "LogFixtures", "journal-writer"]),
        tests(
            "LogStoreTests",
            ["LogStore", "DecisionLog", "Dice", "DNSWire", "LogFixtures", "log-follower"]),
        // A child process for the store's tests to kill.
        .executableTarget(
            name: "log-follower", dependencies: ["DecisionLog", "LogStore"],
            path: "Tests/Support/LogFollower", swiftSettings: rules),
        tests(
            "LimitsOfUseTests",
            [
                "LimitsOfUse", "Alerts", "DecisionLog", "Dice", "PolicyFile", "PolicyEngine",
                "DomainLists", "DNSWire", "LogFixtures",
            ]),
        tests(
            "ReviewTests",
            [
                "Review", "LogStore", "DecisionLog", "Dice", "PolicyFile", "PolicyEngine",
                "DomainLists", "DNSWire",
            ]),
        tests(
            "BlockPageTests",
            ["BlockPage", "DecisionLog", "DNSWire", "PolicyEngine", "PolicyFile"]),
        // A child process for the log's tests to kill.
        .executableTarget(
            name: "journal-writer", dependencies: ["DecisionLog", "DNSWire"],
            path: "Tests/Support/JournalWriter", swiftSettings: rules),
        tests(
            "DNSServerTests",
            [
                "CAllocCount", "CPacketIO", "Dice", "DNSServer", "DNSWire", "DecisionLog",
                "Forwarding", "PolicyEngine", "PolicyFile",
            ]),
        // The real binary, with real clients and upstreams.
        tests(
            "ScenarioTests",
            [
                "AccessPoint", "bellgate", "Dice", "DNSWire", "DecisionLog", "LogStore",
                "PolicyEngine", "PolicyFile", "WebServer",
            ]),
    ]
)

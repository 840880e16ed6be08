/// Finds circles in what refers to what, without recursion: files may chain thousands of things.
enum Cycles {
    /// One circle for each reference that closes one: the places along it, each once.
    ///
    /// - Parameter edges: for each place, the places that it refers to.
    static func find(_ edges: [[Int]]) -> [[Int]] {
        var cycles: [[Int]] = []
        var isDone = [Bool](repeating: false, count: edges.count)
        var depth = [Int?](repeating: nil, count: edges.count)
        for start in edges.indices where !isDone[start] {
            var path = [(place: start, next: 0)]
            depth[start] = 0
            while let (place, next) = path.last {
                guard next < edges[place].count else {
                    isDone[place] = true
                    depth[place] = nil
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let target = edges[place][next]
                if let first = depth[target] {
                    cycles.append(path[first...].map(\.place))
                } else if !isDone[target] {
                    depth[target] = path.count
                    path.append((target, 0))
                }
            }
        }
        return cycles
    }
}

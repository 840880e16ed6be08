/// A growing run of trivial values, without the checks and copies that an array makes on each
/// append. Owns its memory. For the builder's inner loop only.
@safe struct GrowingBuffer<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        unsafe base = .allocate(capacity: self.capacity)
    }

    deinit {
        // SAFETY: allocated here, owned by self alone; trivial elements need no deinitialising.
        unsafe base.deallocate()
    }

    /// The element at a place below `count`.
    subscript(index: Int) -> Element {
        @inline(__always) get {
            precondition(index >= 0 && index < count)
            // SAFETY: the place was checked.
            return unsafe base[index]
        }
        @inline(__always) set {
            precondition(index >= 0 && index < count)
            // SAFETY: the place was checked.
            unsafe base[index] = newValue
        }
    }

    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { reserve(count &+ 1) }
        // SAFETY: there is room for one more.
        unsafe (base + count).initialize(to: element)
        count &+= 1
    }

    /// Appends `octets` elements read at `source`.
    @inline(__always)
    mutating func append(_ source: UnsafePointer<Element>, _ octets: Int) {
        if count &+ octets > capacity { reserve(count &+ octets) }
        // SAFETY: the caller vouches for the source; there is room.
        unsafe (base + count).initialize(from: source, count: octets)
        count &+= octets
    }

    /// Makes room for `total` elements; more than asked, so that appending stays cheap.
    mutating func reserve(_ total: Int) {
        guard total > capacity else { return }
        let larger = max(total, capacity * 2)
        let moved = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        // SAFETY: both runs hold at least `count` elements and do not overlap.
        unsafe moved.moveInitialize(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = moved
        capacity = larger
    }
}

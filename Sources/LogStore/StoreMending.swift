import DecisionLog
import Glibc

/// What the follower does about files that are not as it left them.
extension StoreFollower {
    /// Opens all day files and makes those anew that are damaged or missing.
    ///
    /// - Returns: the seq up to which all rows are in the files, or owed to one.
    func openFiles(_ progress: inout Progress) throws -> UInt64 {
        var listed = folder.listedDays
        var lost: [StoreDay] = []
        for day in listed.union(folder.days).sorted() {
            do {
                guard folder.has(day) else {
                    if setAside[day] == nil {
                        progress.notes.append("store file \(folder.path(of: day)) is missing")
                    }
                    lost.append(day)
                    continue
                }
                files[day] = try DayFile(
                    day, in: folder.path, isWritable: true, mayBeEmpty: !listed.contains(day))
            } catch {
                if try isLost(day, error, &progress) { lost.append(day) }
            }
        }
        listed.formUnion(files.keys)
        listed.formUnion(lost)
        let place = files.values.map(\.place).max { $0.wholeSeq < $1.wholeSeq } ?? .init()
        if let other = otherLog(place) {
            try leave(other, &progress)
            return 0
        }
        if listed != folder.listedDays { try folder.list(listed) }
        for day in lost where place.wholeSeq > 0 {
            let file = try DayFile(day, in: folder.path, isWritable: true)
            try file.owe(place.wholeSeq)
            files[day] = file
        }
        owed = files.values.filter { $0.place.owedSeq > $0.place.appliedSeq }.map(\.day).sorted()
        return place.wholeSeq
    }

    /// Whether a file that cannot be opened is to be made anew.
    private func isLost(
        _ day: StoreDay, _ error: StoreError, _ progress: inout Progress
    ) throws -> Bool {
        switch error.code {
        case .damaged:
            try setAside(day, error, &progress)
            return true
        case .newerVersion:
            if refused[day] == nil { progress.notes.append("\(error)") }
            refused[day] = error
            return false
        case .full, .unusable, .otherLog: throw error
        }
    }

    private func setAside(
        _ day: StoreDay, _ error: StoreError, _ progress: inout Progress
    ) throws {
        files[day] = nil
        guard let name = folder.setAside(day, as: ".damaged") else { throw error }
        setAside[day] = name
        progress.notes.append("\(error); it is kept as \(name)")
    }

    /// Adds a day to those that were given a file.
    func list(_ day: StoreDay) throws {
        let days = folder.listedDays
        if !days.contains(day) { try folder.list(days.union([day])) }
    }

    /// Takes a day off that list: its file goes for good reason.
    func unlist(_ day: StoreDay) throws {
        try folder.list(folder.listedDays.subtracting([day]))
    }

    // MARK: Another log

    private func otherLog(_ place: DayFile.Place) -> StoreError? {
        folder.otherLog(place, logDirectory: logDirectory)
    }

    /// Begins anew beside the files of another log, which are kept under other names.
    private func leave(_ error: StoreError, _ progress: inout Progress) throws {
        files.removeAll()
        for day in folder.days where refused[day] == nil {
            guard folder.setAside(day, as: ".other-log") != nil else { throw error }
        }
        try folder.list([])
        progress.notes.append(
            "\(error); its files are kept as \(folder.path)/*.other-log and this log is read from "
                + "its beginning")
    }

    // MARK: Suspects and damage

    /// The next round looks at a file that was found damaged.
    func noteDamage(_ error: any Error) {
        guard let error = error as? StoreError, error.code == .damaged else { return }
        for day in folder.days where error.path.hasSuffix(day.fileName) { folder.suspect(day) }
    }

    /// Reads every byte of files that were found damaged.
    func lookAtSuspects(_ progress: inout Progress) throws {
        for day in folder.days where folder.isSuspect(day) && refused[day] == nil {
            folder.clearSuspicion(day)
            do {
                try DayFile(day, in: folder.path, isWritable: true, mayBeEmpty: false).verify()
            } catch {
                guard error.code == .damaged else { continue }
                // All is opened again, and the day is then missing.
                forget()
                try list(day)
                try setAside(day, error, &progress)
            }
        }
    }

    // MARK: Reading again

    /// Takes in rows of days whose file was lost, up to where the store has been.
    func readAgain(_ left: inout Int, _ progress: inout Progress) throws {
        while left > 0, let day = owed.first, let file = files[day] {
            var filter = RowFilter()
            filter.sinceMicros = day.startMicros
            filter.untilMicros = day.endMicros
            filter.afterSeq = file.place.appliedSeq
            let reader = try StretchReader(
                JournalStretch(filter: filter, untilSeq: file.place.owedSeq),
                directory: logDirectory)
            var entry = PendingDay(day)
            var rows = 0
            var place = file.place
            let most = min(left, StoreLimits.batchRows)
            while rows < most, let row = reader.next() {
                rows += 1
                entry.append(row)
                place.appliedSeq = row.seq
            }
            if rows < most {
                place.appliedSeq = place.owedSeq
                owed.removeFirst()
                try tellRebuilt(day, &progress)
            }
            left -= rows
            progress.rows += rows
            try file.append(ChunkEncoder(entry.builder).encode(), gaps: entry.gaps, place: place)
        }
    }

    /// Says whether the log still has all of a day.
    private func tellRebuilt(_ day: StoreDay, _ progress: inout Progress) throws {
        let aside = setAside.removeValue(forKey: day)
        let oldest = try JournalReader(directory: logDirectory).next()
        guard let oldest, oldest.seq == 1 || oldest.timeMicros < day.startMicros else {
            let first = oldest.map { "the log begins with row \($0.seq)" } ?? "the log is empty"
            progress.notes.append(
                "\(day) is made anew in the store, but \(first): what came before is missing"
                    + (aside.map { " and may be in \(folder.path)/\($0)" } ?? ""))
            return
        }
        progress.notes.append("\(day) is made anew in the store from the log, with every row")
    }
}

extension StoreFolder {
    /// Why the files go on from another log than the one beside them; `nil` = they do not.
    func otherLog(_ place: DayFile.Place, logDirectory: String) -> StoreError? {
        guard let known = place.segment,
            let found = SegmentIdentity(ofRow: place.wholeSeq, directory: logDirectory),
            found != known
        else { return nil }
        return StoreError(
            .otherLog, path: path,
            reason: "row \(place.wholeSeq) is not where it was read; the log was begun anew")
    }
}

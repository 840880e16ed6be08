/// The page's section on limits of use.
extension ReviewPage {
    var use: Markup {
        guard !figures.use.isEmpty else { return "" }
        var table = MarkupTable(
            "Limits of use, by group",
            ["Group", "Category", "Minutes a day", "Devices", "Over the limit", "Days over"],
            numbers: [2, 3, 4, 5])
        for use in figures.use {
            table.add([
                "\(use.group)", "\(use.category)", "\(use.limitMinutes)", shown(use.devices),
                shown(use.devicesOver), shown(use.daysOver),
            ])
        }
        return section(
            "Excessive use", table,
            "Active minutes of a device and day: minutes in which it asked for a name of the category, "
                + "in the hours that the policy counts; on the college's own devices at every hour. "
                + "A limit flags and never blocks. Minutes with questions are not time before a screen.",
            empty: "") + overTheLimit
    }

    private var overTheLimit: Markup {
        var table = MarkupTable(
            "Devices over the limit, most days first",
            ["Device", "Group", "Category", "Days", "Most minutes of a day"], numbers: [3, 4])
        for use in figures.use {
            for over in use.list {
                table.add([
                    Self.whole(over.device), "\(use.group)", "\(use.category)", shown(over.days),
                    "\(over.mostMinutes)",
                ])
            }
        }
        return table.isEmpty ? "" : table.markup
    }
}

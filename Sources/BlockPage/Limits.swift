/// What the page may take. It is open to every device of the network, and answers must not suffer.
public enum BlockPageLimits {
    /// Connections at a time: a classroom whose devices all show the page, a few each.
    static let connections = 256
    /// Connections of one client at a time: browsers open six.
    static let connectionsPerClient = 12
    /// How long a connection may last, in seconds: a page is small, and whoever sends a request
    /// octet by octet is no browser.
    static let connectionSeconds: Int64 = 10
    /// The longest request line with headers, in octets: browsers send under two thousand, and
    /// cookies of the blocked site come with it.
    static let headOctets = 16 * 1024
    /// The longest body, in octets: a report of 2000 characters in any script (12 octets each as a
    /// form writes them), with what else the form has.
    static let bodyOctets = 32 * 1024
    /// The longest name in `Host`, in characters, that is looked at: a domain name has 253.
    static let hostCharacters = 260
    /// Reports of one client within `reportSeconds`: somebody who corrects themselves, not one who
    /// writes for fun.
    static let reportsPerClient = 5
    /// See `reportsPerClient`, in seconds.
    static let reportSeconds: Int64 = 600
    /// Reports of a day from all clients: more are read by nobody, and fill the disk.
    static let reportsPerDay = 200
    /// Clients whose reports are counted; the oldest count goes when there are more.
    static let countedClients = 4096
    /// How long a form may lie open before it is sent, in seconds: writing takes time.
    static let formSeconds: Int64 = 7200
    /// Forms that were sent and are remembered, so that a second press of the button is not a
    /// second report.
    static let sentForms = 4096
    /// How many bells ahead it is looked for when a name opens.
    static let bellsAhead = 24
}

/// A certificate for localhost that nobody vouches for, with its key.
public enum SelfSigned {
    /// Has `openssl` write `cert.pem` and `key.pem` into a folder.
    public static func make(in folder: String) {
        ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-days", "2", "-subj", "/CN=localhost", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-addext", "subjectAltName=DNS:localhost",
                "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem",
            ])?.wait()
    }
}

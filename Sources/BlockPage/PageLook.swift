import Foundation
import LDNSBridge
import Review

/// How the page looks, on a phone first; and what a browser may do with it.
enum PageLook {
    /// Text on its ground has a contrast of 7:1 or more (WCAG 2, AAA), fields and buttons too.
    static let css = """
        :root{color-scheme:light}*{box-sizing:border-box}
        body{margin:0;background:#eef2f6;color:#18222e;
        font:1.06rem/1.55 system-ui,"Segoe UI","DejaVu Sans",Arial,sans-serif}
        main{max-width:40rem;margin:0 auto;padding:1.2rem 1rem 3rem}
        h1{font-size:1.6rem;line-height:1.25;margin:.6rem 0 1rem;overflow-wrap:anywhere}
        h2{font-size:1.2rem;margin:2rem 0 .4rem}h3{font-size:1rem;margin:1rem 0 .2rem}
        .card{background:#fff;border-left:8px solid #24476b;padding:1rem 1.1rem;margin:0 0 1rem}
        .card p{margin:.3rem 0}.why{font-size:1.15rem}.bad{border-color:#8f1d16}
        dl{margin:1rem 0}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
        details{background:#fff;margin:0 0 .7rem;padding:.7rem 1.1rem}
        summary{font-weight:600;font-size:1.1rem;padding:.4rem 0;cursor:pointer}
        label{display:block;font-weight:600;margin:.8rem 0 .2rem}
        .tick{font-weight:400;display:flex;gap:.6rem;align-items:baseline}
        textarea,input[type=text]{width:100%;font:inherit;padding:.5rem;color:inherit;
        background:#fff;border:2px solid #4a5c70;border-radius:4px}textarea{min-height:8rem}
        button{font:inherit;font-weight:600;margin:1rem 0 .3rem;padding:.7rem 1.3rem;min-height:3rem;
        color:#fff;background:#24476b;border:0;border-radius:4px}
        a{color:#17406f}:focus-visible{outline:3px solid #b35c00;outline-offset:2px}
        ul{padding-left:1.2rem;margin:.2rem 0}li{margin:.25rem 0}.small{font-size:.94rem;color:#36424f}
        """

    /// What every page is sent with: it runs nothing, fetches nothing, is shown in no frame, sends
    /// its forms nowhere else, and is kept nowhere.
    static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'sha256-\(digest)'; form-action 'self'; "
                + "base-uri 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        // With less a browser would not say that a form comes from this page.
        ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]

    private static let digest = Data(sha256(Array("\n\(css)\n".utf8))).base64EncodedString()

    /// A whole page.
    static func page(_ title: String, _ body: Markup) -> String {
        let style = Markup(stringLiteral: css)
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title)</title>
            <style>
            \(style)
            </style>
            </head>
            <body>
            <main>
            \(body)</main>
            </body>
            </html>

            """
        return page.html
    }
}

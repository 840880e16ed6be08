/// What can be wrong with a list from the web.
let webListMistakes = [
    Mistake(
        "web list of another kind", "lists: { a: { url: ‸\"ftp://lists.example/a\" } }\n",
        "is of a kind that is not fetched"),
    Mistake(
        "web list on the disk", "lists: { a: { url: ‸\"/etc/passwd\" } }\n",
        "is no address of a list"),
    Mistake(
        "web list without a host", "lists: { a: { url: ‸\"https:///a\" } }\n",
        "is no address of a list"),
    Mistake(
        "web list with a password",
        "lists: { a: { url: ‸\"https://me:secret@lists.example/a\" } }\n",
        "holds a user or a password"),
    Mistake(
        "web list and file",
        "lists: { a: { file: empty.txt, ‸url: \"https://lists.example/a\" } }\n",
        "\"url\" does not go with \"file\""),
    Mistake(
        "file that is fetched", "lists: { a: { file: empty.txt, ‸every: 24h } }\n",
        "\"every\" does not go with \"file\""),
    Mistake(
        "web list that is never fetched",
        "lists: { a: { url: \"https://lists.example/a\", every: ‸0s } }\n", "is out of range"),
    Mistake(
        "web list with a misspelt time",
        "lists: { a: { url: \"https://lists.example/a\", every: ‸daily } }\n",
        "\"daily\" is no length of time"),
]

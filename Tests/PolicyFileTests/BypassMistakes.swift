/// Mistakes in the switch against ways round the filter.
let bypassMistakes = [
    Mistake("bypass for nobody", "‸bypass: {}\n", "has no \"block-for\"", "block-for: everyone"),
    Mistake(
        "bypass for an unknown group",
        "groups: { learner: { networks: [10.0.0.0/8] } }\nbypass: { block-for: [‸lerner] }\n",
        "there is no group \"lerner\"", "did you mean \"learner\"?"),
    Mistake(
        "bypass for one word", "bypass: { block-for: ‸learner }\n", "needs a list",
        "write [learner]"),
    Mistake(
        "bypass without a catalogue", "‸bypass: { block-for: everyone }\n",
        "needs a catalogue with the categories \"bypass\" and \"bypass-signals\"",
        "catalogue: blocklists/services"),
    Mistake(
        "bypass, half a word", "bypass: { block-for: everyone, strip-ech: ‸maybe }\n",
        "\"maybe\" is no value of \"strip-ech\""),
    Mistake(
        "bypass, a key too many", "bypass: { block-for: everyone, ‸block: [x.example.com] }\n",
        "\"block\" is no key of \"bypass\""),
    Mistake(
        "bypass, a rule of that name",
        "bypass: { block-for: everyone }\nrules: [{ id: ‸bypass, block: everything, reason: A. }]\n",
        "\"bypass\" is what the switch \"bypass:\" calls a rule of its own", "another name"),
]

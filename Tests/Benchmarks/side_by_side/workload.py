"""Names to list and names to ask: read from files, or made up, always the same for the same input.

Made-up names end in codes that are kept for private use (ISO 3166, user-assigned), so that none of
them is anybody's. Everything random comes from a fixed seed.
"""

import bisect
import itertools
import random
import re

SEED = 1053
SYNTHETIC_LISTED_COUNT = 1_000_000
SYNTHETIC_ASKED_COUNT = 100_000
# One in so many of the made-up asked names is listed.
SYNTHETIC_LISTED_SHARE = 10
CACHED_COUNT = 1_000
ZIPF_EXPONENT = 1.0
# More queries a second than one core's load generator sends; a file with this many never repeats.
QUERIES_PER_SECOND_MAX = 250_000

# Names that a server may answer by itself (RFC 6761 and its like): no two do the same with them.
_SPECIAL = {"alt", "arpa", "home", "internal", "invalid", "lan", "local", "localhost", "onion", "test"}

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}\Z")
_CODES = ["x" + chr(c) for c in range(ord("a"), ord("z") + 1)]
_SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "y")]


def usable(name):
    """Whether every one of the servers can take the name: letters, digits, hyphen, underscore."""
    return (
        1 <= len(name) <= 253
        and not _IPV4.match(name)
        and all(_LABEL.match(label) for label in name.split("."))
    )


def read_names(path, limit=None):
    """The distinct usable names of a file, one a line, in its order; and how many were left out."""
    names, left_out = {}, 0
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name = line.strip().rstrip(".").lower()
            if not name or name.startswith("#"):
                continue
            if usable(name):
                names[name] = None
                if limit and len(names) == limit:
                    break
            else:
                left_out += 1
    return list(names), left_out


def _word(dice, syllables):
    return "".join(dice.choices(_SYLLABLES, k=syllables))


def _made_up(dice, count):
    names = {}
    while len(names) < count:
        name = _word(dice, dice.randint(3, 6)) + "." + dice.choice(_CODES)
        for _ in range(dice.choices((0, 1, 2), weights=(6, 3, 1))[0]):
            name = _word(dice, dice.randint(1, 3)) + "." + name
        names[name] = None
    return list(names)


def synthetic_list(count=SYNTHETIC_LISTED_COUNT):
    """So many names of two to four labels."""
    return _made_up(random.Random(SEED), count)


class Workload:
    """The queries of each scenario, made from one list and, if given, a file of names by rank."""

    def __init__(self, listed, asked=None):
        self.listed = listed
        self._listed_set = set(listed)
        dice = random.Random(SEED + 1)
        if asked is None:
            asked = _made_up(dice, SYNTHETIC_ASKED_COUNT)
            for place in range(len(asked)):
                if dice.randrange(SYNTHETIC_LISTED_SHARE) == 0:
                    asked[place] = dice.choice(listed)
        self.asked = [name for name in asked if name.rpartition(".")[2] not in _SPECIAL]
        self.allowed = list(itertools.islice((n for n in self.asked if not self.covers(n)), CACHED_COUNT))
        if not self.allowed:
            raise SystemExit("peers: every name to ask is listed, so nothing could be allowed")

    def covers(self, name):
        """Whether the list holds the name or one above it."""
        while name:
            if name in self._listed_set:
                return True
            name = name.partition(".")[2]
        return False

    def blocked(self, seconds):
        """Listed names, in random order."""
        dice = random.Random(SEED + 2)
        return dice.sample(self.listed, min(len(self.listed), seconds * QUERIES_PER_SECOND_MAX))

    def cached(self, seconds):
        """A thousand allowed names, over and over, in random order."""
        return random.Random(SEED + 3).choices(self.allowed, k=20 * CACHED_COUNT)

    def miss(self, seconds):
        """Allowed names, none of them twice, none of them in any other scenario."""
        dice = random.Random(SEED + 4)
        for number in range(seconds * QUERIES_PER_SECOND_MAX):
            name = f"{_word(dice, 2)}.{_word(dice, 3)}-{number:x}.{dice.choice(_CODES)}"
            if not self.covers(name):
                yield name

    def mix(self, seconds):
        """Names by rank, the nth asked 1/n times as often as the first; listed and not."""
        weights = [1 / rank**ZIPF_EXPONENT for rank in range(1, len(self.asked) + 1)]
        dice = random.Random(SEED + 5)
        sums = list(itertools.accumulate(weights))
        for _ in range(seconds * QUERIES_PER_SECOND_MAX):
            yield self.asked[bisect.bisect(sums, dice.random() * sums[-1], 0, len(sums) - 1)]

    def write(self, scenario, path, seconds):
        """Writes a scenario's queries as the load generator reads them, a file for each second.

        Returns the files, how many queries there are in each, and the share of all that is listed.
        """
        names = list(getattr(self, scenario)(seconds))
        listed = {"blocked": len(names), "mix": sum(map(self.covers, names))}.get(scenario, 0)
        each = len(names) // seconds if scenario != "cached" else len(names)
        paths = []
        for second in range(seconds):
            paths.append(f"{path}.{second}")
            part = names[second * each:(second + 1) * each] if scenario != "cached" else names
            with open(paths[-1], "w", encoding="ascii") as out:
                out.writelines(name + " A\n" for name in part)
        return paths, each, listed / max(len(names), 1)

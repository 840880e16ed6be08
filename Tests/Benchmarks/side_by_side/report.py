"""What was measured, as a table for people and as one JSON object."""

import statistics

from .measure import SCENARIOS


def median_of(runs, key):
    """The middle value of the rounds; None without any."""
    return statistics.median(run[key] for run in runs) if runs else None


def ratio(results, server, other, scenario):
    """CPU per query of one server over another's, the median of each round's own ratio.

    Both were measured in the same minutes, second by second in turn, so that a machine that is faster
    at times does not count.
    """
    ours, theirs = ({run["round"]: run for run in results[name]["runs"].get(scenario, [])}
                    for name in (server, other))
    both = [number for number in ours if number in theirs and theirs[number]["cpu_micros"] > 0]
    if not both:
        return None
    return statistics.median(ours[n]["cpu_micros"] / theirs[n]["cpu_micros"] for n in both)


def _text(value, form="{:.1f}"):
    return "–" if value is None else form.format(value)


def _table(head, rows):
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths]] + rows
    return "\n".join(
        "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in lines)


def _ready(server):
    first, again = server["ready_seconds"][:1], server["ready_seconds"][1:]
    return [_text(first[0] if first else None, "{:.2f}"),
            _text(statistics.median(again) if again else None, "{:.2f}")]


def _memory(server, when):
    found = server[when]
    if not found:
        return "–"
    rss, anon = (statistics.median(m[key] for m in found) / 1024 for key in ("rss", "anon"))
    return f"{rss:.0f} ({anon:.0f})"


def summary(results):
    """Medians and ratios, for the JSON."""
    made = {}
    for name, server in results.items():
        made[name] = {}
        for scenario in SCENARIOS:
            runs = server["runs"].get(scenario, [])
            if not runs:
                continue
            figures = {key: median_of(runs, key) for key in (
                "cpu_micros", "user_micros", "queries_per_second", "latency_micros", "lost")}
            for other in ("echo", "dnsdist", "unbound"):
                if other in results and other != name:
                    figures["over_" + other] = ratio(results, name, other, scenario)
            made[name][scenario] = figures
    return made


def table(results, heading, problems):
    """Everything that was measured, as Markdown."""
    costs, ratios, rates = [], [], []
    for name, server in results.items():
        row, over, rate = [], [], []
        for scenario in SCENARIOS:
            runs = server["runs"].get(scenario, [])
            row.append(f"{_text(median_of(runs, 'cpu_micros'))}"
                       f" ({_text(median_of(runs, 'user_micros'))})" if runs else "–")
            over.append(" / ".join(
                _text(ratio(results, name, other, scenario), "{:.2f}")
                if other in results and other != name else "–" for other in ("echo", "dnsdist", "unbound")))
            lost = sum(run["lost"] for run in runs)
            rate.append(_text(median_of(runs, "queries_per_second"), "{:,.0f}")
                        + (f", {lost:,} lost" if lost else ""))
        costs.append([server["label"], *_ready(server), _memory(server, "memory_ready"),
                      _memory(server, "memory_end"), *row])
        if name != "echo":
            ratios.append([server["label"], *over])
        rates.append([server["label"], *rate])
    parts = [
        heading,
        "CPU microseconds per query (user time in brackets), median of the rounds:",
        _table(["server", "ready, s", "again, s", "RSS ready, MiB (own)", "after load", *SCENARIOS], costs),
        "CPU per query over the bare echo / over dnsdist / over unbound, median of each round's ratio:",
        _table(["server", *SCENARIOS], ratios),
        "Queries per second, median, and queries lost in all rounds:",
        _table(["server", *SCENARIOS], rates),
    ]
    if problems:
        parts.append("Not as it should be:\n" + "\n".join("- " + problem for problem in problems))
    return "\n\n".join(parts) + "\n"

"""Medians and tables."""
import statistics


def median_of(rounds):
    return {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}


def spread(rounds, key):
    v = sorted(r[key] for r in rounds)
    m = statistics.median(v)
    return (v[-1] - v[0]) / m if m else 0.0


def pairs(cell, reference):
    """The ratios of CPU per request, window by window: both were measured in the same turn, so what the machine did met both."""
    return [a["cpu_us"] / b["cpu_us"] for a, b in zip(cell["rounds"], reference["rounds"]) if b["cpu_us"]]


def ratio(cell, reference):
    """The median of the pairs and their quartiles, as text."""
    found = sorted(pairs(cell, reference))
    if not found:
        return "-", "-"
    if len(found) < 4:
        return "%.2f" % statistics.median(found), "%.2f-%.2f" % (found[0], found[-1])
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return "%.2f" % middle, "%.2f-%.2f" % (low, high)


def num(v):
    if v is None:
        return "-"
    if v >= 100:
        return "{:,.0f}".format(v)
    return "%.1f" % v if v >= 10 else "%.2f" % v


def ms(us):
    return "%.2f" % (us / 1000)


def table(workload, cells, order, ref_of):
    """cells: {server: {"median":…, "cpu_spread":…, "pss_kb":…} or {"error":…}} -> Markdown lines."""
    head = "| server | req/s | CPU us/req | p50 ms | p99 ms | CPU ratio | its quartiles | req/s ratio | switches/req | cores | PSS MB | CPU spread |"
    out = ["### %s: %s (c=%d)" % (workload.name, workload.note, workload.conc), "", head, "|---|" + "---:|" * 11]
    for name in order:
        c = cells.get(name)
        if c is None:
            continue
        if "error" in c:
            out.append("| %s | %s |%s" % (name, c["error"].splitlines()[0][:90].replace("|", "/"), " |" * 10))
            continue
        m = c["median"]
        ref = cells.get(ref_of[name], {}).get("median")
        cpu, quartiles = ratio(c, cells[ref_of[name]]) if ref else ("-", "-")
        rps = "%.2f" % (m["rps"] / ref["rps"]) if ref else "-"
        pss = "%.1f" % (c["pss_kb"] / 1024) if c.get("pss_kb") else "-"
        out.append("| %s | %s | %s | %s | %s | %s | %s | %s | %.1f | %.2f | %s | %.0f%% |" % (
            name, num(m["rps"]), num(m["cpu_us"]), ms(m["p50_us"]), ms(m["p99_us"]), cpu, quartiles, rps, m["switches"], m["cores"], pss,
            100 * c["cpu_spread"]))
    return out + [""]

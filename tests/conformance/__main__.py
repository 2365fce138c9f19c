"""Every operation against PyTorch's own database of operators, and a count of PyTorch's names.

    python -m tests.conformance [--only add,linalg.*] [--cap 20] [--jobs 2]
                                [--json FILE] [--markdown docs/conformance.md]

For each entry of `op_db` (PyTorch's table of operators with sample inputs and inputs that must be
refused) and each of our dtypes, the samples are given to PyTorch and to cgrad, and compared:
value, dtype, shape, whether the result shares memory with an input, the gradients, and for
float64 the gradients of these; then the in-place form, the method, `out=`, and the inputs that
must raise.  Each entry runs in a process of its own, so a crash or a hang is counted and the rest
goes on.  Needs the extra `reference`.
"""
from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from tests.conformance.entry import Report, run_entry
from tests.conformance.names import surface
from tests.conformance.values import DUNDERS, matches

import cgrad

SKIP = {
    "complex numbers": ["complex", "view_as_*", "polar", "real", "imag", "H", "mH", "*eig",
                        "*eigvals", "chalf", "cdouble", "cfloat", "stft", "istft", "angle",
                        "fft.*", "conj*",
                        "linalg.eigvals*", "geqrf", "resolve_*"],
    "sparse, masked and nested layouts": ["*sparse*", "masked.*", "to_padded_tensor",
                                          "jagged*", "_segment_reduce", "torch._scaled*"],
    "half precision": ["half", "bfloat16", "*scaled_mm*", "*float8*"],
    "internal": ["_*", "jiterator*", "native_*", "torch.ops*", "aten*", "nn.functional._*",
                 "ops.*", "fbgemm*", "unsafe_*", "split_with_sizes_copy", "alias_copy",
                 "view_copy", "*_copy", "segment_reduce", "chunk_cat", "to_mkldnn",
                 "slice", "hash_tensor", "__rdiv__", "bmm.triton*", "*_backward"],
}


# Differences that are meant: see docs/differences.md.
WHY = {
    "nn.functional.ctc_loss": "the gradient of its formula",
    "svd,linalg.svd,linalg.eigh": "signs of vectors are free",
    "nextafter": "records nothing",
    "as_strided_scatter": "no gradient where it was overwritten",
    "cholesky_*": "a gradient for the triangle that is read",
    "nn.functional.linear_cross_entropy*": "PyTorch's second derivative is 0",
    "linalg.norm.*": "second derivative of a norm at 0",
    "*polygamma*": "infinite at the poles",
    "mode": "equal elements in any order",
    "to,bool,byte,char,short,int,long,float,double": "memory_format has no effect",
    "einsum": "keeps small integers",
}


def skipped(name):
    """Why an entry is left out, or None."""
    if name in DUNDERS - {"__rdiv__"}:
        return None
    return next((why for why, patterns in SKIP.items() if matches(name, patterns)), None)


def in_child(work, limit):
    """Run `work()` in a forked process: (its JSON result, None) or (None, why not)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        signal.alarm(limit)
        try:
            data = json.dumps(work()).encode()
        except BaseException:
            data = json.dumps({"broken": traceback.format_exc()[-600:]}).encode()
        with os.fdopen(write, "wb") as f:
            f.write(data)
        os._exit(0)
    os.close(write)
    return pid, read


def child_result(pid, read):
    with os.fdopen(read, "rb") as f:
        data = f.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return {"count": {}, "failures": [], "died": "hang" if name == "SIGALRM" else name}
    result = json.loads(data)
    if "broken" in result:
        return {"count": {}, "failures": [result["broken"]], "died": None}
    return result


def run_all(entries, torch, cap, jobs, limit, loud):
    results, running = {}, []
    todo = list(entries)

    def work(op):
        def go():
            warnings.simplefilter("ignore")
            np.seterr(all="ignore")
            report = Report()
            torch.manual_seed(0)
            begin = time.time()
            run_entry(op, torch, cap, report)
            return {"count": report.count, "failures": report.failures,
                    "seconds": time.time() - begin, "died": None}
        return go

    while todo or running:
        while todo and len(running) < jobs:
            op = todo.pop(0)
            running.append((op, *in_child(work(op), limit)))
        op, pid, read = running.pop(0)
        name = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
        result = child_result(pid, read)
        results[name] = result
        if loud:
            count = result["count"]
            words = [f"{k} {count.get(k + ' ok', 0)}/{v}" for k, v in count.items()
                     if not k.endswith(" ok") and k != "exists"]
            print(f"{name}: {result['died'] or ', '.join(words) or 'nothing tried'}", flush=True)
            for failure in result["failures"]:
                print("    " + failure.replace("\n", " "))
    return results


WHAT = ["value", "reproducible", "gradient", "second gradient", "in-place", "method", "out=",
        "error", "error class"]


def family(name):
    if name.startswith("nn.functional."):
        return "nn.functional"
    head = name.split(".")[0]
    return head if head in ("linalg", "special") and "." in name else "torch"


def totals(results):
    by = defaultdict(Counter)
    for name, result in results.items():
        for key in (family(name), "all"):
            by[key]["entries"] += 1
            by[key]["exists"] += result["count"].get("exists", 0)
            by[key]["died"] += bool(result["died"])
            by[key].update({k: v for k, v in result["count"].items() if k != "exists"})
    return by


def share(count, what):
    n, ok = count[what], count[what + " ok"]
    return f"{ok}/{n} ({100 * ok / n:.1f} %)" if n else "–"


def markdown(results, skipped_entries, names, torch, cap):
    by = totals(results)
    lines = [
        "# Conformance with PyTorch", "",
        f"Written by `python -m tests.conformance --markdown docs/conformance.md` on "
        f"{datetime.date.today()}, PyTorch {torch.__version__.split('+')[0]}"
        + (f", at most {cap} samples for each entry and dtype" if cap else "") + ".", "",
        "PyTorch tests its operators with a table of them (`op_db`): sample inputs, and inputs "
        "that must be refused. Here the same inputs go to PyTorch and to cgrad. *Value* also "
        "covers dtype, shape, and whether a result shares memory with an input; second gradients "
        "are compared in float64 where PyTorch has them.", "",
        "| family | entries | exist | crashes, hangs | " + " | ".join(WHAT) + " |",
        "|---" * (4 + len(WHAT)) + "|",
    ]
    for key in ("torch", "nn.functional", "linalg", "special", "all"):
        c = by[key]
        lines.append(f"| {key} | {c['entries']} | {c['exists']} | {c['died']} | "
                     + " | ".join(share(c, w) for w in WHAT) + " |")
    lines += ["", "## Names", "",
              "Of PyTorch's names, without those of excluded kinds (complex, half precision, "
              "sparse, quantised, devices), by tier (1: what most programs use):", "",
              "| group | tier 1 | tier 2 | tier 3 |", "|---|---|---|---|"]
    for group in sorted({g for g, _ in names}):
        cells = [f"{names[group, t][0]}/{names[group, t][1]}" if (group, t) in names else "–"
                 for t in "123"]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    lines += ["", "Missing of tier 1 and 2:", ""]
    for (group, tier), (_, _, missing) in sorted(names.items()):
        if missing and tier != "3":
            lines.append(f"- {group}, tier {tier}: {', '.join(sorted(missing))}")
    missing = sorted(n for n, r in results.items() if "missing" in r["failures"])
    lines += ["", f"Entries of the table without a function here: {', '.join(missing)}"]
    lines += ["", "## What differs", "",
              "Each entry with the number of comparisons that differ, the reason where it is one "
              "of [docs/differences.md](differences.md), and the first of them.", ""]
    for name, result in sorted(results.items()):
        count = result["count"]
        wrong = sum(n - count.get(k + " ok", 0) for k, n in count.items()
                    if not k.endswith(" ok") and k != "exists")
        if result["died"]:
            lines.append(f"- `{name}`: {result['died']}")
        elif result["failures"] and name not in missing:
            why = next((w for pattern, w in WHY.items() if matches(name, pattern.split(","))), None)
            text = result["failures"][0].replace("\n", " ").replace("|", "/").replace("<", "&lt;")
            lines.append(f"- `{name}`, {wrong}" + (f" ({why})" if why else "") + f": {text[:200]}")
    lines += ["", "## Left out", ""]
    for why in sorted(set(skipped_entries.values())):
        left = sorted({n for n, w in skipped_entries.items() if w == why})
        lines.append(f"- {why}: {', '.join(left)}")
    return "\n".join(lines) + "\n"


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.conformance",
                                     description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="entries, comma-separated, with * and ?")
    parser.add_argument("--cap", type=int, default=0,
                        help="at most so many samples for each entry and dtype (0: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=int, default=300, help="seconds for one entry")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--names", action="store_true", help="only the count of names")
    options = parser.parse_args(arguments)
    names = surface()
    if options.names:
        for (group, tier), (found, n, missing) in sorted(names.items()):
            print(f"{group}, tier {tier}: {found}/{n}; missing: {' '.join(sorted(missing))}")
        return 0
    warnings.simplefilter("ignore")
    try:
        import torch
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError as e:
        print(f"tests.conformance needs the extra `reference`: {e}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    cgrad.set_num_threads(1)
    for module in ("nn.functional", "linalg", "special", "autograd.functional"):
        found = cgrad
        for part in module.split("."):
            found = getattr(found, part, None)
    entries, left = [], {}
    for op in op_db:
        why = skipped(op.name)
        if why is not None:
            left[op.name] = why
        elif options.only is None or matches(op.name, options.only.split(",")):
            entries.append(op)
    results = run_all(entries, torch, options.cap, options.jobs, options.limit, loud=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(results, left, names, torch, options.cap), "utf-8")
    everything = totals(results)["all"]
    print({w: share(everything, w) for w in WHAT}, "died:", everything["died"],
          "exist:", f"{everything['exists']}/{everything['entries']}")
    return int(everything["died"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

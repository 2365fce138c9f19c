"""Every operation against PyTorch's own database of operators, and a count of PyTorch's names.

    python -m tests.conformance [--only add,linalg.*] [--cap 20] [--jobs 2] [--wide]
                                [--json FILE] [--markdown docs/conformance.md]

For each entry of `op_db` (PyTorch's table of operators with sample inputs and inputs that must be
refused) and each of our dtypes, the samples are given to PyTorch and to cgrad, and compared:
value, dtype, shape, where the result lies in the memory of an input, the gradients, and for
float64 the gradients of these; then the in-place form, the method, `out=`, and the inputs that
must raise.  Samples of float64 and int64 are tried once more with gaps in memory.  `--wide` takes
PyTorch's larger set of samples (odd layouts, broadcasting, extreme values).  What was not compared
is counted, with the reason.  Each entry runs in a process of its own, so a crash or a hang is
counted and the rest goes on.  Needs the extra `reference`.
"""
from __future__ import annotations

import argparse
import datetime
import json
import os
import select
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
from tests.conformance.values import exists, matches

import cgrad

# Entries that are left out where there is no such function here; all others are tried.
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


# Here only to say why they are not: every call raises.
NOTHING_LEFT = {"linalg.eig", "linalg.eigvals", "bfloat16", "half"}

# Differences that are meant: see docs/differences.md.
WHY = {
    "nn.functional.ctc_loss": "the gradient of its formula",
    "svd,linalg.svd,linalg.eigh": "signs of vectors are free",
    "nextafter": "records nothing",
    "normal*,bernoulli": "no gradient flows through draws",
    "nn.functional.gelu,nn.functional.avg_pool*,narrow_copy": "PyTorch fills no out= with gaps",
    "addbmm": "PyTorch resizes the tensor in place",
    "as_strided,as_strided.*": "as_strided_ is refused on tensors that require grad",
    "max.reduction_no_dim,min.reduction_no_dim,cumsum,cumprod,addm*,baddbmm,diff":
        "out= of another dtype",
    "as_strided_scatter": "no gradient where it was overwritten",
    "cholesky_*": "a gradient for the triangle that is read",
    "nn.functional.linear_cross_entropy*": "PyTorch's second derivative is 0",
    "linalg.norm.*": "second derivative of a norm at 0",
    "*polygamma*": "infinite at the poles",
    "mode": "equal elements in any order",
    "index_reduce.prod,scatter_reduce.prod": "no second derivative at two zeros",
    "to,bool,byte,char,short,int,long,float,double": "memory_format has no effect",
    "einsum": "keeps small integers",
}


def skipped(op, torch):
    """Why an entry is left out, or None."""
    if exists(op, torch) and op.name not in NOTHING_LEFT:
        return None
    return next((why for why, patterns in SKIP.items() if matches(op.name, patterns)), None)


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
        return {"count": {}, "left": {}, "failures": [],
                "died": "hang" if name == "SIGALRM" else name}
    result = json.loads(data)
    if "broken" in result:
        return {"count": {}, "left": {}, "failures": [result["broken"]], "died": "broken"}
    return result


def run_all(entries, torch, options):
    results, running = {}, {}
    todo = list(entries)

    def work(op):
        def go():
            warnings.simplefilter("ignore")
            np.seterr(all="ignore")
            report = Report()
            torch.manual_seed(0)
            begin = time.time()
            run_entry(op, torch, options.cap, options.wide, report)
            return {"count": report.count, "left": report.left, "failures": report.failures,
                    "seconds": time.time() - begin, "died": None}
        return go

    while todo or running:
        while todo and len(running) < options.jobs:
            op = todo.pop(0)
            pid, read = in_child(work(op), options.limit)
            running[read] = op, pid
        read = select.select(list(running), [], [])[0][0]
        op, pid = running.pop(read)
        name = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
        result = results[name] = child_result(pid, read)
        count = result["count"]
        words = [f"{k} {count.get(k + ' ok', 0)}/{v}" for k, v in count.items()
                 if not k.endswith(" ok") and k != "exists"]
        words += [f"{v} not compared ({k})" for k, v in result["left"].items()]
        print(f"{name}: {result['died'] or ', '.join(words) or 'nothing tried'}", flush=True)
        for failure in result["failures"]:
            print("    " + failure.replace("\n", " "))
    return results


WHAT = ["value", "views", "reproducible", "gradient", "second gradient", "in-place",
        "in-place refused", "in-place gradient", "method", "out=", "out= refused", "error",
        "error class", "error names"]


FAMILIES = ["torch", "nn.functional", "linalg", "special", "all"]


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


def not_compared(results):
    """(reason, samples, entries), most samples first."""
    samples, entries = Counter(), Counter()
    for result in results.values():
        samples.update(result["left"])
        entries.update(result["left"].keys())
    return [(why, n, entries[why]) for why, n in samples.most_common()]


def markdown(results, skipped_entries, names, torch, cap):
    by = totals(results)
    lines = [
        "# Conformance with PyTorch", "",
        f"Written by `python -m tests.conformance --markdown docs/conformance.md` on "
        f"{datetime.date.today()}, PyTorch {torch.__version__.split('+')[0]}"
        + (f", at most {cap} samples for each entry and dtype" if cap else "") + ".", "",
        "PyTorch tests its operators with a table of them (`op_db`): sample inputs, and inputs "
        "that must be refused. Here the same inputs go to PyTorch and to cgrad, those of float64 "
        "and int64 once more with gaps in memory. *Value* also covers dtype, shape and the fields "
        "of named tuples; *views* where a result lies in the memory of an input, with its offset "
        "and strides; second gradients are compared in float64 where PyTorch has them; *in-place "
        "gradient* is that of a tensor which was changed through a view; `out=` is tried with a "
        "plain tensor, one with gaps, and one of another dtype; *refused* counts what PyTorch "
        "refuses; *error class* whether an error is of PyTorch's class, *error names* whether its "
        "message names the operation.", "",
        "| | " + " | ".join(FAMILIES) + " |", "|---" * (1 + len(FAMILIES)) + "|",
    ]
    for word, key in (("entries", "entries"), ("of these exist", "exists"),
                      ("crashes, hangs", "died")):
        cells = [str(by[f][key]) for f in FAMILIES]
        lines.append(f"| {word} | {' | '.join(cells)} |")
    for what in WHAT:
        lines.append(f"| {what} | " + " | ".join(share(by[f], what) for f in FAMILIES) + " |")
    lines += ["", "Not compared (a sample is not compared where it cannot be built here, where "
              "PyTorch refuses it, or has no gradient to compare with):", "",
              "| reason | comparisons | entries |", "|---|---|---|"]
    lines += [f"| {why} | {n} | {k} |" for why, n, k in not_compared(results)]
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
    parser.add_argument("--wide", action="store_true",
                        help="PyTorch's larger set of samples (reference_inputs)")
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
        why = skipped(op, torch)
        if why is not None:
            left[op.name] = why
        elif options.only is None or matches(op.name, options.only.split(",")):
            entries.append(op)
    results = run_all(entries, torch, options)
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

"""Lists the compiled modules, their directives and their flags; the rest is in pyproject.toml.

Every `.pyx` under `src/cgrad/_engine` and `src/cgrad/_tensor` is one extension module.  The C
files of `src/cgrad/_kernels` are compiled once each; a module that says

    cdef extern from "../_kernels/softmax.h"

in its `.pyx` is linked with `softmax.o`.  A kernel that keeps state (the thread pool, the BLAS
loader) may therefore be named by one module only: see STATEFUL.

Switches, read from the environment:

    CGRAD_DEBUG=1                        bounds, wraparound and None checks, assertions, -O1 -g
    CGRAD_SANITIZE=address,undefined     the same with these sanitizers (GCC, Clang)

Nothing is tuned for the machine that builds (no -march=native): a build runs on any processor
of its architecture, and the kernels choose AVX2 or AVX-512 at run time.
"""
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("src/cgrad")
KERNELS = PACKAGE / "_kernels"
# kernel -> the only module that links it
STATEFUL = {"pool": "threads", "blas": "threads", "lapack": "lapack"}

SANITIZE = os.environ.get("CGRAD_SANITIZE", "")
DEBUG = bool(SANITIZE) or os.environ.get("CGRAD_DEBUG", "0") not in ("", "0")
VARIANT = f"debug-{SANITIZE.replace(',', '-')}".rstrip("-") if DEBUG else "release"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "nonecheck": DEBUG,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "binding": True,
    "embedsignature": True,
    "annotation_typing": False,
}

MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
          ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]
if DEBUG:
    MACROS += [("CGRAD_ASSERT", "1")]


def flags(compiler):
    """Flags of `compiler`: (for all C, for our own C, for C written by Cython, for the linker)."""
    if compiler == "msvc":
        return ["/Od" if DEBUG else "/O2", "/std:c11"], ["/W3"], ["/wd4244", "/wd4267"], []
    compile_all = ["-std=c11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
                   "-fvisibility=hidden"]
    compile_all += ["-O1", "-g", "-fno-omit-frame-pointer", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]
    link = []
    if sys.platform != "win32":
        compile_all += ["-pthread", "-D_GNU_SOURCE"]
        link += ["-pthread"]
    if sys.platform.startswith("linux"):
        link += ["-ldl", "-lm"]
        if not DEBUG:
            link += ["-Wl,--strip-all"]
    if SANITIZE:
        sanitize = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
        compile_all += sanitize
        link += sanitize
    cython = ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
    return compile_all, ["-Wall", "-Wextra"], cython, link


def kernels_of(ext):
    """The kernels (file names without ending) that a module names in `cdef extern from`."""
    module = Path("src", *ext.name.split(".")).with_suffix(".pyx")
    names = set(re.findall(r'cdef extern from "\.\./_kernels/(\w+)\.h"', module.read_text("utf-8")))
    for name in sorted(names & STATEFUL.keys()):
        if STATEFUL[name] != module.stem:
            raise SystemExit(f"{name}.c keeps state: {STATEFUL[name]}.pyx links it, not {module}")
    return sorted(name for name in names if (KERNELS / f"{name}.c").exists())


def extensions():
    headers = [str(p) for p in sorted(KERNELS.glob("*.h")) + sorted(PACKAGE.glob("_*/*.h"))]
    for module in sorted([*PACKAGE.glob("_engine/*.pyx"), *PACKAGE.glob("_tensor/*.pyx")]):
        yield Extension(
            ".".join(module.with_suffix("").parts[1:]),
            [str(module)],
            # Cython writes its C under build/: relative includes start from the module's folder.
            include_dirs=[str(module.parent), numpy.get_include()],
            define_macros=MACROS,
            depends=headers,
        )


class BuildExt(build_ext):
    """Compiles each kernel once, then the modules side by side."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def build_extensions(self):
        compile_all, own, cython, link = flags(self.compiler.compiler_type)
        needs = {ext.name: kernels_of(ext) for ext in self.extensions}
        names = sorted(set().union(*needs.values()))
        with ThreadPoolExecutor(self.parallel) as pool:
            built = pool.map(lambda name: self.build_kernel(name, compile_all + own), names)
            objects = dict(zip(names, built))
        for ext in self.extensions:
            ext.extra_compile_args = compile_all + cython
            ext.extra_link_args = link
            ext.extra_objects = [objects[name] for name in needs[ext.name]]
            ext.depends += [str(KERNELS / f"{name}.c") for name in needs[ext.name]]
        super().build_extensions()

    def build_kernel(self, name, options):
        source = str(KERNELS / f"{name}.c")
        (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        if self.force or newer_group([source, *map(str, KERNELS.glob("*.h"))], target):
            self.compiler.compile([source], output_dir=self.build_temp, macros=MACROS,
                                  include_dirs=[str(KERNELS)], extra_postargs=options)
        return target


def main():
    os.chdir(ROOT)
    Options.emit_code_comments = False
    setup(
        ext_modules=cythonize(
            list(extensions()),
            include_path=["src"],
            build_dir=f"build/{VARIANT}/cython",
            compiler_directives=DIRECTIVES,
            nthreads=os.cpu_count() or 1,
        ),
        cmdclass={"build_ext": BuildExt},
        # Variants never share an object file; a second build of one compiles what has changed.
        options={"build": {"build_base": f"build/{VARIANT}"}},
    )


if __name__ == "__main__":   # cythonize starts processes that may import this file
    main()

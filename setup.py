"""Lists the compiled modules, their directives and their flags; the rest is in pyproject.toml.

Every `.pyx` under `src/cgrad/_engine` and `src/cgrad/_tensor` is a module.  They and the C files
of `src/cgrad/_kernels` are linked into one library, `cgrad/_compiled`, in which
`cgrad/_library.py` finds them: opening fifty libraries takes longer than all else at import.

Switches, read from the environment:

    CGRAD_DEBUG=1                        bounds, wraparound and None checks, assertions, -O1 -g
    CGRAD_SANITIZE=address,undefined     the same with these sanitizers (GCC, Clang)

Nothing is tuned for the machine that builds (no -march=native): a build runs on any processor
of its architecture, and the kernels choose AVX2 or AVX-512 at run time.
"""
import os
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
    if SANITIZE:
        sanitize = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
        compile_all += sanitize
        link += sanitize
    cython = ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
    return compile_all, ["-Wall", "-Wextra"], cython, link


def modules():
    for path in sorted([*PACKAGE.glob("_engine/*.pyx"), *PACKAGE.glob("_tensor/*.pyx")]):
        # Cython writes its C under build/: relative includes start from the module's folder.
        yield Extension(".".join(path.with_suffix("").parts[1:]), [str(path)],
                        include_dirs=[str(path.parent)])


class BuildExt(build_ext):
    """Compiles what has changed, side by side, and links all of it into one library."""

    def finalize_options(self):
        super().finalize_options()
        self.in_place = bool(self.inplace)      # setuptools builds aside and copies

    def build_extension(self, ext):
        compile_all, own, cython, link = flags(self.compiler.compiler_type)
        if sys.platform.startswith("linux") and not DEBUG:
            # Profilers find the names of functions in a developer's build; they take 0.6 MB.
            link += ["-Wl,--strip-debug" if self.in_place else "-Wl,--strip-all"]
        kernels = sorted(KERNELS.glob("*.c"))
        headers = sorted([*KERNELS.glob("*.h"), *PACKAGE.glob("_*/*.h")])
        work = [(str(path), [], compile_all + own) for path in kernels]
        work += [(source, include, compile_all + cython) for source, include in ext.modules]
        with ThreadPoolExecutor(self.parallel or os.cpu_count() or 1) as pool:
            objects = list(pool.map(lambda one: self.compile(*one, headers), work))
        for old in PACKAGE.glob("_*/*" + self.get_ext_filename("")):
            old.unlink()      # of a checkout that was built when each module was a library
        target = self.get_ext_fullpath(ext.name)
        if self.force or newer_group(objects, target):
            self.compiler.link_shared_object(
                objects, target, libraries=self.get_libraries(ext), extra_postargs=link,
                build_temp=self.build_temp, target_lang="c")

    def compile(self, source, include, options, headers):
        (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        if self.force or newer_group([source, *map(str, headers)], target):
            self.compiler.compile([source], output_dir=self.build_temp, macros=MACROS,
                                  include_dirs=[numpy.get_include(), *include],
                                  extra_postargs=options)
        return target


def main():
    os.chdir(ROOT)
    Options.emit_code_comments = False
    written = cythonize(
        list(modules()),
        include_path=["src"],
        build_dir=f"build/{VARIANT}/cython",
        compiler_directives=DIRECTIVES,
        nthreads=os.cpu_count() or 1,
    )
    library = Extension("cgrad._compiled", [])
    library.modules = [(ext.sources[0], ext.include_dirs) for ext in written]
    setup(
        ext_modules=[library],
        cmdclass={"build_ext": BuildExt},
        # Variants never share an object file; a second build of one compiles what has changed.
        options={"build": {"build_base": f"build/{VARIANT}"}},
    )


if __name__ == "__main__":   # cythonize starts processes that may import this file
    main()

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
import hashlib
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

# Modules that read arguments and call others are compiled for size: no long loop is theirs, and no
# step of a small MLP goes through them.
FOR_SIZE = {
    "activation", "attention", "conv_face", "create", "face", "flat", "function",
    "graph", "hooks", "implicit", "index", "interop", "join", "lapack", "loss", "masks", "moments",
    "parametric", "profile", "random", "recurrent", "sampling", "scan", "scatter", "select", "sort",
    "sparse", "special", "strided", "tracing", "window",
}  # fmt: skip

MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
          ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]
if DEBUG:
    MACROS += [("CGRAD_ASSERT", "1")]


def flags(compiler):
    """Flags of `compiler`: for our own C, for Cython's C, for that of FOR_SIZE, for the linker."""
    if compiler == "msvc":
        compile_all = ["/std:c11", "/Od" if DEBUG else "/O2"]
        cython = [*compile_all, "/wd4244", "/wd4267"]
        return [*compile_all, "/W3"], cython, [*cython, *([] if DEBUG else ["/O1"])], []
    compile_all = ["-std=c11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
                   "-fvisibility=hidden"]
    compile_all += ["-g", "-fno-omit-frame-pointer", "-UNDEBUG"] if DEBUG else ["-g0"]
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
    # Nothing unwinds through Cython's C but debuggers, and the tables are a tenth of it.
    cython = [*compile_all, *([] if DEBUG else ["-fno-asynchronous-unwind-tables"]),
              "-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
    fast, usual, small = ["-O1"] * 3 if DEBUG else ["-O3", "-O2", "-Os"]
    return [*compile_all, fast, "-Wall", "-Wextra"], [*cython, usual], [*cython, small], link


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
        own, cython, small, link = flags(self.compiler.compiler_type)
        if sys.platform.startswith("linux") and not DEBUG:
            # Profilers find the names of functions in a developer's build; they take 0.6 MB.
            link += ["-Wl,--strip-debug" if self.in_place else "-Wl,--strip-all"]
        kernels = sorted(KERNELS.glob("*.c"))
        headers = sorted([*KERNELS.glob("*.h"), *PACKAGE.glob("_*/*.h")])
        # Unrolled loops double the code of gathers and scatters, which wait for memory anyway.
        slim = [*own, "-O2"] if "-O3" in own else own
        work = [(str(path), [], slim if path.stem == "index" else own) for path in kernels]
        work += [(source, include, small if Path(source).stem in FOR_SIZE else cython)
                 for source, include in ext.modules]
        with ThreadPoolExecutor(self.parallel or os.cpu_count() or 1) as pool:
            read = b"".join(path.read_bytes() for path in headers)
            objects = list(pool.map(lambda one: self.compile(*one, read), work))
        for old in PACKAGE.glob("_*/*" + self.get_ext_filename("")):
            old.unlink()      # of a checkout that was built when each module was a library
        target = self.get_ext_fullpath(ext.name)
        if self.force or newer_group(objects, target):
            self.compiler.link_shared_object(
                objects, target, libraries=self.get_libraries(ext), extra_postargs=link,
                build_temp=self.build_temp, target_lang="c")

    def compile(self, source, include, options, headers):
        """Compile a file unless the object is there and was made of the same; times say nothing,
        as every build of pip's brings NumPy's files anew."""
        (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        made_of = hashlib.sha256(headers + Path(source).read_bytes())
        made_of.update(repr((options, MACROS, numpy.__version__, sys.version)).encode())
        note = Path(target + ".sha256")
        if (self.force or not Path(target).exists() or not note.exists()
                or note.read_text() != made_of.hexdigest()):
            self.compiler.compile([source], output_dir=self.build_temp, macros=MACROS,
                                  include_dirs=[numpy.get_include(), *include],
                                  extra_postargs=options)
            note.write_text(made_of.hexdigest())
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

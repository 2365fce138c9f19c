"""Settings of the documentation: Sphinx, pages in Markdown (MyST), the theme Furo.

    python -m pip install '.[docs]'
    python -m sphinx -W --keep-going docs build/docs

The reference is written from the installed package each time (_sphinx/reference.py), because the
docstrings of compiled modules exist only there.  Everything works without a network, also for the
reader: no font, script or formula is loaded from elsewhere.  Therefore formulas are MathML, made by
docutils (_sphinx/mathml.py): MathJax would come from the network, images need LaTeX.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_sphinx"))

import cgrad
import docstrings
import mathml
import reference

project = "cgrad"
author = "The cgrad authors"
copyright = author
version = release = str(cgrad.__version__)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_sphinx"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3            # links to headings are checked
suppress_warnings = ["config.cache"]

# Every reference must lead somewhere, except those to classes of Python and NumPy, and the bases
# and private types that signatures name.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!cgrad).*"), ("py:.*", r"cgrad\.(.+\.)?_.*")]

default_role = "literal"            # docstrings write `dim` for an argument
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 88
autodoc_typehints = "none"          # types stand in the stubs; docstrings say shapes
autodoc_member_order = "bysource"
autodoc_docstring_signature = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Shape", "notes_style"), ("Reference", "notes_style")]

html_theme = "furo"
html_title = f"cgrad {release}"
html_static_path = ["_static"]
html_css_files = ["cgrad.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
pygments_style = "default"
pygments_dark_style = "github-dark"


def setup(app):
    docstrings.setup(app)
    mathml.setup(app)
    reference.setup(app)
    return {"parallel_read_safe": True}

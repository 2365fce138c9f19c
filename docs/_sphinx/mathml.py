"""Formulas as MathML, which browsers draw themselves.

Sphinx's own ways need a script from the network (MathJax) or an installation of LaTeX (imgmath).
docutils can translate LaTeX to MathML, and all current browsers show it; screen readers read it.
"""
import inspect

from docutils.utils.math.latex2mathml import tex2mathml


def translate(text, *, block):
    if "as_block" in inspect.signature(tex2mathml).parameters:
        return tex2mathml(text, as_block=block)
    return tex2mathml(text, inline=not block)       # docutils 0.20


def inline(self, node):
    self.body.append(translate(node.astext(), block=False))
    raise _skip()


def block(self, node):
    self.body.append(f'<div class="formula">{translate(node.astext(), block=True)}</div>')
    raise _skip()


def _skip():
    from docutils import nodes
    return nodes.SkipNode()


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))

"""Change the rules one small thing at a time and see whether a test notices.

    python tools/mutate.py                          every module of compliance/ that decides something
    python tools/mutate.py compliance/gate.py …     these
    python tools/mutate.py --quick …                ask only the tests nearest to each module
    python tools/mutate.py --list …                 only say what would be changed

A changed module lives in a forked process only; no file is written. Everything else of compliance/ is loaded once,
and in the fork those modules again that depend on the changed one. A change nobody notices is printed, with the line
as it would be; what is known of these stands in docs/gate.md. Exit status 1: something survived, 2: the tests fail
as it is.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
import types
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import hypothesis  # noqa: F401 - loaded before the fork, as is the rest
import phonenumbers.timezone  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SECONDS = 120  # what hangs was noticed
TESTS = "tests/rules"
LEFT_OUT = ("errors.py", "facts_json.py", "facts_line.py", "terms.py", "__init__.py")
"""Readers of input have tests of their own (tests/rules, tests/cli); the others decide nothing."""

SLOW = ("test_zones_differential", "test_overlay_properties", "test_overlay", "test_data_holidays", "test_facts_json")
"""They look at other modules, or at what quicker ones see as well."""

FIRST = {
    "applicable": ["test_applicable", "test_registry_rule"],
    "case": ["test_applicable", "test_small_rules", "test_calling_hours", "test_consent_rule", "test_gate"],
    "consents": ["test_consent_rule", "test_standing", "test_reassigned"],
    "duties": ["test_duties"],
    "gate": ["test_next_allowed", "test_gate", "test_dated_rules"],
    "holidays": ["test_holidays"],
    "hours": ["test_hours", "test_calling_hours", "test_dated_rules"],
    "number": ["test_number"],
    "postal": ["test_small_rules", "test_applicable"],
    "recording": ["test_recording", "test_dated_rules"],
    "relationship": ["test_standing", "test_registry_rule"],
    "verdict": ["test_gate", "test_recording"],
    "whereabouts": ["test_number", "test_gate"],
    "windows": ["test_hours", "test_windows"],
    "rules.abandonment": ["test_small_rules"],
    "rules.attempt_in_flight": ["test_gate"],
    "rules.attempts": ["test_attempts"],
    "rules.caller_id": ["test_small_rules"],
    "rules.calling_hours": ["test_calling_hours", "test_hours"],
    "rules.consent": ["test_consent_rule"],
    "rules.internal_dnc": ["test_gate"],
    "rules.jurisdiction_covered": ["test_small_rules"],
    "rules.law_rule": ["test_registry_rule", "test_consent_rule", "test_reassigned", "test_gate"],
    "rules.prohibition": ["test_consent_rule"],
    "rules.prompts_available": ["test_gate"],
    "rules.reassigned": ["test_reassigned"],
    "rules.recording_mode": ["test_gate", "test_recording"],
    "rules.registry": ["test_registry_rule"],
    "rules.reliance": ["test_reassigned", "test_duties"],
    "rules.ring_time": ["test_small_rules"],
    "rules.switches": ["test_switches"],
    "rules.valid_number": ["test_gate", "test_number", "test_calling_hours", "test_examined"],
}
"""The tests that are likeliest to notice; all the others come after them."""

COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    module: str
    line: int
    text: str
    tree: ast.Module


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def decisive() -> list[Path]:
    folders = (ROOT / "compliance", ROOT / "compliance" / "rules")
    files = [file for folder in folders for file in sorted(folder.glob("*.py")) if file.name not in LEFT_OUT]
    return [*files, ROOT / "compliance" / "jurisdictions" / "model.py"]


# --- what is changed ----------------------------------------------------------------------------------------


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs and decides: no annotations, docstrings, assertions, sizes of caches, texts."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Assert | ast.JoinedStr | ast.Raise):
            continue
        yield node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_comment"):
                continue
            children = value if isinstance(value, list) else [value]
            todo.extend(child for child in children if isinstance(child, ast.AST))


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """The node with one thing changed, in every way we know."""
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[number] = COMPARED[type(operator)]()
            yield changed
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield changed
        if len(node.values) > 2:
            for number in range(len(node.values)):
                changed = copy.deepcopy(node)
                del changed.values[number]
                yield changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield copy.deepcopy(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        changed = copy.deepcopy(node)
        changed.op = COMPUTED[type(node.op)]()
        yield changed
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in NAMED:
        yield ast.Name(NAMED[node.id], ast.Load())
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = copy.deepcopy(node)
            changed.test = ast.Constant(value)
            yield changed
    elif isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | type(None)):
        if ast.unparse(node) != "return ()":  # nothing either way
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.comprehension):
        for number in range(len(node.ifs)):
            changed = copy.deepcopy(node)
            del changed.ifs[number]
            yield changed


class _Put(ast.NodeTransformer):
    def __init__(self, at: int, node: ast.AST) -> None:
        self._at = at
        self._node = node

    def visit(self, node: ast.AST) -> ast.AST:
        if getattr(node, "place", None) == self._at:
            return ast.copy_location(self._node, node) if hasattr(node, "lineno") else self._node
        return self.generic_visit(node)


def mutants(file: Path) -> Iterator[Mutant]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = list(places(tree))
    for number, node in enumerate(found):
        node.place = number  # type: ignore[attr-defined]
    for number, node in enumerate(found):
        for changed in variants(node):
            whole = _Put(number, changed).visit(copy.deepcopy(tree))
            ast.fix_missing_locations(whole)
            old = ast.unparse(node) if not isinstance(node, ast.If) else f"if {ast.unparse(node.test)}"
            new = ast.unparse(changed) if not isinstance(changed, ast.If) else f"if {ast.unparse(changed.test)}"
            line = getattr(node, "lineno", 0) or min(
                (child.lineno for child in ast.walk(node) if hasattr(child, "lineno")), default=0
            )
            yield Mutant(name_of(file), line, f"{_short(old)}  →  {_short(new)}", whole)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 110 else f"{line[:107]}…"


# --- whether anybody notices --------------------------------------------------------------------------------


def imports() -> dict[str, set[str]]:
    """Module of compliance → the modules of compliance that it takes something from."""
    files = {name_of(file).removesuffix(".__init__"): file for file in (ROOT / "compliance").rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                wanted |= {each if each in files else node.module for each in names}
        found[name] = wanted
    return found


def dependents(module: str, graph: dict[str, set[str]]) -> set[str]:
    """The module and all that import it, whoever through."""
    found = {module}
    while True:
        more = {name for name, wanted in graph.items() if name not in found and wanted & found}
        if not more:
            return found
        found |= more


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._mutant.module:
            return None
        return importlib.util.spec_from_loader(name, self)

    def exec_module(self, module: types.ModuleType) -> None:
        file = str(ROOT / Path(*self._mutant.module.split("."))) + ".py"
        module.__file__ = file
        exec(compile(self._mutant.tree, file, "exec"), module.__dict__)  # noqa: S102


def noticed(mutant: Mutant | None, again: set[str], tests: list[list[str]]) -> bool:
    """In a fork: the changed module in place, those that depend on it loaded again, the tests until one fails.

    No mutant: the tests as they are, which must not fail.
    """
    child = os.fork()
    if child:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status != 0
            time.sleep(0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True
    code = 1
    with contextlib.suppress(BaseException):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        for name in again:
            sys.modules.pop(name, None)
        if mutant is not None:
            sys.meta_path.insert(0, _Changed(mutant))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        code = 0
        for files in tests:
            code = code or int(pytest.main([*options, *files]))
    os._exit(code)


def tests_for(module: str) -> list[list[str]]:
    """The likeliest by themselves, because to collect all of them takes longer than to run these."""
    first = FIRST.get(module.removeprefix("compliance."), [])
    files = {file.stem: str(file.relative_to(ROOT)) for file in sorted((ROOT / TESTS).glob("test_*.py"))}
    likely = [files[name] for name in first if name in files]
    others = [file for name, file in files.items() if name not in SLOW and file not in likely]
    return [*([likely] if likely else []), others]


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of compliance/.")
    parser.add_argument("files", nargs="*", type=Path, help="modules; left out: all that decide something")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    files = [file.resolve() for file in chosen.files] or decisive()
    graph = imports()
    for name in graph:
        importlib.import_module(name)
    importlib.import_module("compliance").load_packs()
    survived = total = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for file in files:
            found = list(mutants(file))
            if chosen.list:
                print(*(f"{file.name}:{mutant.line}: {mutant.text}" for mutant in found), sep="\n")
                continue
            again, tests = dependents(name_of(file), graph), tests_for(name_of(file))
            if chosen.quick:
                tests = tests[:1]
            if noticed(None, again, tests):
                print(f"{file.relative_to(ROOT)}: its tests fail without any change", file=sys.stderr)
                return 2
            begun = time.monotonic()
            results = list(pool.map(lambda mutant, a=again, t=tests: noticed(mutant, a, t), found))
            left = [mutant for mutant, seen in zip(found, results, strict=True) if not seen]
            total, survived = total + len(found), survived + len(left)
            took = time.monotonic() - begun
            where = file.relative_to(ROOT)
            print(f"{where}: {len(found) - len(left)} of {len(found)} noticed ({took:.0f} s)", flush=True)
            for mutant in left:
                print(f"  {where}:{mutant.line}: {mutant.text}", flush=True)
    if not chosen.list:
        print(f"{total - survived} of {total} noticed, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())

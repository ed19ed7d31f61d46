"""`completion bash|zsh|fish`: a completion script, made from the grammar; the names of projects come from the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nemo_watch.commands.grammar import COMMANDS, OPTIONS
from nemo_watch.commands.speaking import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from nemo_watch.commands.grammar import Argument

PLACES: Final = {
    "bash": "~/.local/share/bash-completion/completions/nemo-watch",
    "zsh": "a file _nemo-watch in a folder of $fpath",
    "fish": "~/.config/fish/completions/nemo-watch.fish",
}
NAMES: Final = "command nemo-watch completion names 2>/dev/null"
"""What a script asks for projects: one name a line."""


def run(options: argparse.Namespace) -> int:
    """Print the script, or (for the scripts) the names of all projects and films."""
    if options.shell == "names":
        for name in project_names(options):
            say(name)
        return 0
    say(f"# nemo-watch completion for {options.shell}; keep it as {PLACES[options.shell]}")
    say(SCRIPTS[options.shell]())
    return 0


def project_names(options: argparse.Namespace) -> list[str]:
    """Every project and film that can be typed as a word; what no terminal could show is left out."""
    from nemo_watch.commands.configuring import configured
    from nemo_watch.commands.snapshot import read_snapshot
    from nemo_watch.errors import UsageError

    try:
        found = read_snapshot(configured(options).folders.outbox)
    except UsageError:  # a completion has nowhere to complain
        return []
    films = [row["name"] for row in (found or {"projects": []})["projects"]]
    return sorted({name for film in films for name in (film, film.partition("/")[0]) if name.isprintable()})


# -- the grammar, as a shell needs it ----------------------------------------------------------------------------------------


def flags(arguments: Iterable[Argument]) -> list[str]:
    """All flags among these arguments."""
    return [flag for names, _ in arguments for flag in names if flag.startswith("-")]


def choices(command: str) -> list[str]:
    """The fixed words that may follow the command."""
    found: list[str] = []
    for _, told in COMMANDS[command][1]:
        found += [choice for choice in told.get("choices", ()) if choice != "names"]  # type: ignore[attr-defined]
    return found


def with_project() -> list[str]:
    """The commands that take a project."""
    return [name for name, (_, arguments) in COMMANDS.items() if any(names == ("project",) for names, _ in arguments)]


# -- the scripts -------------------------------------------------------------------------------------------------------------


def bash() -> str:
    """For bash 4.2 and later: words split at lines only, quoted as the shell needs them."""
    cases = "\n".join(
        f"    {name}) words='{' '.join([*flags(arguments), *choices(name)])}' ;;"
        for name, (_, arguments) in COMMANDS.items()
    )
    return f"""_nemo_watch() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= words= word name
  COMPREPLY=()
  case $before in
    --config|--script) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --inbox|--outbox|--state|--folder) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
  esac
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {"|".join(COMMANDS)}) command=$word; break ;; esac
  done
  case $command in
{cases}
    *) words='{" ".join(COMMANDS)} --version --help' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words {" ".join(flags(OPTIONS))}" -- "$current")
  case $command in {"|".join(with_project())})
    while IFS= read -r name; do
      [[ $name == "${{current//\\\\/}}"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
    done < <({NAMES}) ;;
  esac
}}
complete -F _nemo_watch nemo-watch"""


def zsh() -> str:
    """For zsh, with each command's summary beside it."""
    listed = "\n".join(f"    {_quoted(f'{name}:{summary}')}" for name, (summary, _) in COMMANDS.items())
    cases = "\n".join(
        f"      {name}) compadd -- {' '.join([*choices(name), *flags(arguments), *flags(OPTIONS)])} ;;"
        for name, (_, arguments) in COMMANDS.items()
    )
    return f"""#compdef nemo-watch
_nemo_watch() {{
  local -a commands names
  local word command=
  commands=(
{listed}
  )
  case $words[CURRENT-1] in
    --config|--script) _files; return ;;
    --inbox|--outbox|--state|--folder) _files -/; return ;;
  esac
  for word in ${{words[2,CURRENT-1]}}; do
    case $word in ({"|".join(COMMANDS)}) command=$word; break ;; esac
  done
  if [[ -z $command ]]; then
    _describe command commands
    compadd -- {" ".join(flags(OPTIONS))} --version --help
  else
    case $command in
{cases}
    esac
    case $command in ({"|".join(with_project())})
      names=("${{(@f)$({NAMES})}}")
      compadd -a -- names ;;
    esac
  fi
}}
if [[ $funcstack[1] == _nemo-watch ]]; then _nemo_watch "$@"; else compdef _nemo_watch nemo-watch; fi"""


def fish() -> str:
    """For fish, with each command's and each option's meaning beside it."""
    none = f"not __fish_seen_subcommand_from {' '.join(COMMANDS)}"
    lines = ["complete -c nemo-watch -f"]
    lines += [
        f"complete -c nemo-watch -n '{none}' -a {name} -d {_quoted(summary)}" for name, (summary, _) in COMMANDS.items()
    ]
    lines += [_fish_option(argument, None) for argument in OPTIONS]
    for name, (_, arguments) in COMMANDS.items():
        seen = f"__fish_seen_subcommand_from {name}"
        lines += [_fish_option(argument, seen) for argument in arguments if argument[0][0].startswith("-")]
        if words := choices(name):
            lines.append(f"complete -c nemo-watch -n '{seen}' -a '{' '.join(words)}'")
    lines.append(f"complete -c nemo-watch -n '__fish_seen_subcommand_from {' '.join(with_project())}' -a '({NAMES})'")
    return "\n".join(lines)


def _fish_option(argument: Argument, condition: str | None) -> str:
    names, told = argument
    parts = ["complete -c nemo-watch"]
    parts += [f"-n '{condition}'"] if condition else []
    parts += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names]
    if told.get("metavar") == "FOLDER":
        parts.append("-x -a '(__fish_complete_directories)'")
    elif "metavar" in told:
        parts.append("-r -F" if told["metavar"] == "FILE" else "-x")
    return " ".join([*parts, "-d", _quoted(str(told["help"]))])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


SCRIPTS: Final = {"bash": bash, "zsh": zsh, "fish": fish}

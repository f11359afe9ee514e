/**
 * The scripts that make shells ask `bot-bottle __complete`. All that they know is how their shell splits and shows words: what there
 * is to propose is asked for at each press, so they are right after an update too.
 */

export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

/** Readline splits words at = and : too, and replaces only what is behind the last of them. */
const bash = `# Completion of bot-bottle in bash. In ~/.bashrc:  source <(bot-bottle completion bash)
_bot_bottle() {
  local rest=\${COMP_LINE:0:COMP_POINT} word value description directive breaks prefix current i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
      if ((i == COMP_CWORD)); then word=$rest; fi
      words[\${#words[@]}-1]+=$word
    else
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      if ((i == COMP_CWORD)); then word=$rest; fi
      words+=("$word")
    fi
    rest=\${rest#"$word"}
  done
  current=\${words[\${#words[@]}-1]}
  breaks=\${COMP_WORDBREAKS//[^=:]/}
  prefix=
  if [[ -n $breaks ]]; then prefix=\${current%"\${current##*[$breaks]}"}; fi
  COMPREPLY=()
  {
    read -r directive
    while IFS=$'\\t' read -r value description; do
      if [[ $value != "$current"* ]]; then continue; fi
      if [[ $value == *[=:] ]]; then compopt -o nospace; fi
      COMPREPLY+=("\${value#"$prefix"}")
    done
  } < <(command bot-bottle __complete -- "\${words[@]:1}" 2> /dev/null)
  case $directive in
    files) compopt -o default ;;
    programs) COMPREPLY+=($(compgen -A command -- "$current")) ;;
  esac
} 2> /dev/null
complete -F _bot_bottle bot-bottle
`

const zsh = `#compdef bot-bottle
# Completion of bot-bottle in zsh. In ~/.zshrc, behind compinit:  source <(bot-bottle completion zsh)
_bot-bottle() {
  local line value directive
  local -a lines whole open
  lines=("\${(@f)$(command bot-bottle __complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null)}")
  directive=\${lines[1]}
  for line in "\${(@)lines[2,-1]}"; do
    value=\${\${line%%$'\\t'*}//:/\\\\:}
    if [[ $value == *(=|:) ]]; then open+=("$value"); else whole+=("$value:\${line#*$'\\t'}"); fi
  done
  (( $#whole )) && _describe -V bot-bottle whole
  (( $#open )) && _describe -V bot-bottle open -S ''
  case $directive in
    files) _files ;;
    programs) _command_names -e ;;
  esac
}
if [[ $funcstack[1] == _bot-bottle ]]; then _bot-bottle "$@"; else compdef _bot-bottle bot-bottle; fi
`

const fish = `# Completion of bot-bottle in fish. Once:  bot-bottle completion fish > ~/.config/fish/completions/bot-bottle.fish
function __bot_bottle_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l lines (command bot-bottle __complete -- $words[2..] "$current" 2> /dev/null)
  switch "$lines[1]"
    case files
      __fish_complete_path "$current"
    case programs
      __fish_complete_command
  end
  for line in $lines[2..]
    echo $line
  end
end
complete --command bot-bottle --no-files --keep-order --arguments '(__bot_bottle_complete)'
`

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish }

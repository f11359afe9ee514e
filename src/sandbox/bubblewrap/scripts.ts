/**
 * The shell texts of the sandbox. Bash, since neither Node nor bwrap closes the descriptors that they inherit, and a
 * socket or a file that leaks into a bottle is a way out of it (S15).
 */

/**
 * Without --norc bash runs the user's ~/.bashrc even for -c, when its standard input is a socket and it thinks that a
 * remote shell started it; a pipe of Node is such a socket.
 */
export const bashFlags = ['--norc', '--noprofile', '-c'] as const

/** All but the three standard ones. Needs no program and leaves none of its own open. */
export const closeDescriptors = `for fd in /proc/self/fd/*; do fd=\${fd##*/}; if ((fd > 2)); then eval "exec $fd>&-"; fi; done`

/** $1 = ip. The one route makes every IPv4 address local: whatever the bottle dials ends at a listener in its namespace. */
export const networkCommands = `"$1" -batch - <<< $'link set lo up\\nroute add local default dev lo'`

/** $1… = command. Outermost: whoever starts a bottle leaks nothing into the process that outlives it. */
export const withoutDescriptors = `${closeDescriptors}; exec "$@"`

/**
 * $1 = ip. Pid 1 of the outer pid namespace: says its host pid (this /proc is still the host's), waits for a line that
 * lets it go on, and stays until killed. Without the line, when its standard input ends with whoever started it, it ends
 * too: nobody knows of it yet. Afterwards it outlives the controller, so nothing of the controller's may end it: no pipe, no
 * terminal.
 */
export const holderScript = `read -r pid rest < /proc/self/stat
${networkCommands} || exit 1
echo "$pid" || exit 1
read -r || exit 1
exec -c sleep infinity < /dev/null > /dev/null 2>&1`

/** $1 = folder of the layers, $2 = mount, $3 = options. Relative, as the options are: see `mount-layers.ts`. */
export const mountOverlayScript = `cd "$1" && exec "$2" -t overlay -o "$3" overlay merged`

/**
 * $@ = nsenter and its arguments. The wrappers ignore Ctrl-C and Ctrl-\\, which a terminal sends to all of them: with
 * nsenter or bwrap gone the program would die of a key that it handles. `env --default-signal` undoes it for the program.
 */
export const launchIgnoringKeys = `trap '' INT QUIT; exec "$@"`

/**
 * $1 = network namespace, $2 = bwrap, $3 = file of its arguments, $4 = file of the seccomp program, then the command.
 * Safety: refuses to run the program anywhere but in the namespace that was prepared for it, whatever the pid is now.
 * bwrap gets no environment at all, since a bottle can read it in /proc/1/environ (S17).
 */
export const launchScript = `if [[ $(readlink /proc/self/ns/net) != "$1" ]]; then
  echo 'bot-bottle: the sandbox is gone, the program was not started' >&2
  exit 126
fi
${closeDescriptors}
bwrap=$2
exec 3< "$3" 4< "$4" || exit 126
shift 4
exec -c "$bwrap" --args 3 -- "$@"`

/** The descriptor that `launchScript` opens for the seccomp program; bwrap closes it and its own before it starts the command. */
export const seccompDescriptor = 4

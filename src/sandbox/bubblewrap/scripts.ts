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
 * Until then /proc is the host's, where the pids of this namespace are other processes or none: bwrap looks its child up there.
 * $1 = mount.
 */
export const ownProc = `"$1" -t proc proc /proc`

/**
 * $1 = processes, in a pid namespace with its own /proc. Pids below 300 are given out only once, so the next one is set to that:
 * what is left up to `pid_max` is the number of processes (kernel/pid.c, RESERVED_PIDS).
 */
export const limitPids = `echo $(($1 + 300)) > /proc/sys/kernel/pid_max && echo 300 > /proc/sys/kernel/ns_last_pid`

/**
 * $1 = ip, $2 = mount, $3 = processes or `-`. Pid 1 of the outer pid namespace: says its host pid (that /proc is still the
 * host's), waits for a line that lets it go on, and stays until killed. Without the line, when its standard input ends with
 * whoever started it, it ends too: nobody knows of it yet. Afterwards it outlives the controller, so nothing of the controller's may end it: no pipe, no
 * terminal.
 */
export const holderScript = `read -r pid rest < /proc/self/stat
${networkCommands} || exit 1
set -- "$2" "$3"
${ownProc} || exit 1
shift
[[ $1 == - ]] || { ${limitPids}; } || exit 1
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

/** Of one process. */
const maxOpenFiles = 65_536

/**
 * $1 = network namespace, $2 = bwrap, $3 = file of its arguments, $4 = file of the seccomp program, $5 = nice, $6 = niceness,
 * $7 = KiB of a file, $8 = processes (of both, `-` for none), then the command. What cannot be set is held tighter already.
 * Safety: refuses to run the program anywhere but in the namespace that was prepared for it, whatever the pid is now.
 * bwrap gets no environment at all, since a bottle can read it in /proc/1/environ (S17).
 */
export const launchScript = `if [[ $(readlink /proc/self/ns/net) != "$1" ]]; then
  echo 'bot-bottle: the sandbox is gone, the program was not started' >&2
  exit 126
fi
${closeDescriptors}
bwrap=$2 nice=$5 niceness=$6
exec 3< "$3" 4< "$4" || exit 126
ulimit -c 0
{ [[ $7 == - ]] || ulimit -f "$7"
  [[ $8 == - ]] || ulimit -u "$8"
  ulimit -Hn ${maxOpenFiles} || ulimit -n ${maxOpenFiles}
} 2> /dev/null
shift 8
exec -c "$nice" -n "$niceness" "$bwrap" --args 3 -- "$@"`

/** The descriptor that `launchScript` opens for the seccomp program; bwrap closes it and its own before it starts the command. */
export const seccompDescriptor = 4

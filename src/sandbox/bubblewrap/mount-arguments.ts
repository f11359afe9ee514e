/** Single mounts in the words of bwrap(1). */

export function readOnly(source: string, target = source): readonly string[] {
  return ['--ro-bind', source, target]
}

export function readWrite(source: string, target = source): readonly string[] {
  return ['--bind', source, target]
}

export function symlink(target: string, link: string): readonly string[] {
  return ['--symlink', target, link]
}

/** Like the host's /tmp: everyone writes, only the owner removes. */
export function temporary(target: string, size: readonly string[]): readonly string[] {
  return ['--perms', '1777', ...size, '--tmpfs', target]
}

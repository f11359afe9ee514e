import { expect, it } from 'vitest'
import { type BottleView, bwrapArguments } from './bwrap-arguments.ts'
import { encodeArguments } from './launch.ts'

const view: BottleView = {
  hostname: 'claude-ab12',
  systemRoot: ['--ro-bind', '/usr', '/usr'],
  etc: ['--ro-bind', '/b/sandbox/etc/hosts', '/etc/hosts'],
  emptyProcFiles: ['/proc/keys'],
  caBundle: { source: '/b/sandbox/ca-bundle.pem', targets: ['/etc/ssl/cert.pem'] },
  trustStore: { source: '/b/sandbox/ca-bundle.p12', targets: ['/etc/ssl/certs/java/cacerts'] },
  caCertificate: { source: '/b/sandbox/ca.pem', target: '/etc/bot-bottle/ca.pem' },
  install: { readOnly: ['/opt/tool'], symlinks: [['/home/u/bin/tool', '/opt/tool/tool']], binFolders: [] },
  readOnlyPaths: ['/srv/shared'],
  home: '/b/home',
  workspace: { source: '/b/workspace', target: '/home/u/project' },
  environment: { HOME: '/home/agent' },
  disableUserns: true,
  tmpfsBytes: 1_048_576,
}

it('names every mount of a bottle, later ones over earlier ones', () => {
  const lines = bwrapArguments(view).join(' ').replaceAll(' --', '\n--').split('\n')
  expect(lines).toMatchInlineSnapshot(`
    [
      "--unshare-user",
      "--unshare-pid",
      "--unshare-ipc",
      "--unshare-uts",
      "--unshare-cgroup-try",
      "--die-with-parent",
      "--disable-userns",
      "--cap-drop ALL",
      "--uid 1000",
      "--gid 1000",
      "--hostname claude-ab12",
      "--ro-bind /usr /usr",
      "--dev /dev",
      "--perms 1777",
      "--size 1048576",
      "--tmpfs /dev/shm",
      "--remount-ro /dev",
      "--proc /proc",
      "--ro-bind-try /proc/sys /proc/sys",
      "--ro-bind-try /proc/sysrq-trigger /proc/sysrq-trigger",
      "--ro-bind-try /proc/irq /proc/irq",
      "--ro-bind-try /proc/bus /proc/bus",
      "--ro-bind-try /proc/fs /proc/fs",
      "--ro-bind-try /proc/acpi /proc/acpi",
      "--ro-bind-try /proc/scsi /proc/scsi",
      "--ro-bind-try /proc/pressure /proc/pressure",
      "--ro-bind-try /proc/mtrr /proc/mtrr",
      "--ro-bind /dev/null /proc/keys",
      "--perms 1777",
      "--size 1048576",
      "--tmpfs /tmp",
      "--size 1048576",
      "--tmpfs /run",
      "--size 1048576",
      "--tmpfs /var",
      "--perms 1777",
      "--size 1048576",
      "--tmpfs /var/tmp",
      "--ro-bind /b/sandbox/etc/hosts /etc/hosts",
      "--ro-bind /b/sandbox/ca-bundle.pem /etc/ssl/cert.pem",
      "--ro-bind /b/sandbox/ca-bundle.p12 /etc/ssl/certs/java/cacerts",
      "--ro-bind /b/sandbox/ca.pem /etc/bot-bottle/ca.pem",
      "--ro-bind /opt/tool /opt/tool",
      "--symlink /opt/tool/tool /home/u/bin/tool",
      "--ro-bind /srv/shared /srv/shared",
      "--bind /b/home /home/agent",
      "--bind /b/workspace /home/u/project",
      "--remount-ro /",
      "--chdir /home/u/project",
      "--clearenv",
      "--setenv HOME /home/agent",
      "--seccomp 4",
    ]
  `)
})

it('asks for no lock that an older bwrap does not know', () => {
  expect(bwrapArguments({ ...view, disableUserns: false })).not.toContain('--disable-userns')
})

it('refuses a NUL, which would start another argument', () => {
  expect(encodeArguments(['--setenv', 'A', 'b'])).toBe('--setenv\0A\0b\0')
  expect(() => encodeArguments(['--setenv', 'A', 'b\0--bind\0/\0/'])).toThrow(
    expect.objectContaining({ code: 'usage' }),
  )
})

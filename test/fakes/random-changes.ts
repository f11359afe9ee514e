/** Scripts of random changes to a small tree: every kind of entry, in the place of every other. What cannot be done is left. */
import fc from 'fast-check'

const paths = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'd/e/f', 'f', 'f/a', 'f/d', 'f/d/b']
const path = fc.constantFrom(...paths)
const removed = (name: string) => `rm -rf ${name}`
const inParent = (name: string, command: string) => `if [ -d "$(dirname ${name})" ]; then ${command}; fi`

const change = fc.oneof(
  fc
    .tuple(path, fc.nat(99))
    .map(([name, text]) => inParent(name, `[ -d ${name} ] || { rm -f ${name}; echo ${text} > ${name}; }`)),
  fc
    .tuple(path, fc.nat(99))
    .map(([name, text]) => `if [ -f ${name} ] && [ ! -L ${name} ]; then echo ${text} >> ${name}; fi`),
  path.map((name) => inParent(name, `${removed(name)}; mkdir ${name}`)),
  path.map(removed),
  fc.tuple(path, path).map(([name, target]) => inParent(name, `${removed(name)}; ln -s ${target} ${name}`)),
  fc
    .tuple(path, fc.constantFrom('700', '755', '500'))
    .map(([name, mode]) => `if [ -d ${name} ] && [ ! -L ${name} ]; then chmod ${mode} ${name}; fi`),
  fc
    .tuple(path, fc.constantFrom('644', '600', '755'))
    .map(([name, mode]) => `if [ -f ${name} ] && [ ! -L ${name} ]; then chmod ${mode} ${name}; fi`),
  fc
    .tuple(path, path)
    .map(([from, to]) => inParent(to, `[ ! -e ${from} ] || mv -T ${from} ${to} 2> /dev/null || true`)),
)

export const randomChanges = (options: { readonly max: number }): fc.Arbitrary<string> =>
  fc
    .array(change, { minLength: 1, maxLength: options.max })
    .map((lines) => ['exec 2> /dev/null; set +e', ...lines, 'true'].join('\n'))

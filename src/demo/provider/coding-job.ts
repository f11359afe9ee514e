/**
 * A conversation for the demo: the simulated model ports a small parser, writes tests, finds its own bug with them and
 * mends it. The tools are those of the demo's agent, which does each call for real.
 */
import type { ScriptedTurn } from './answer.ts'
import { iniFirstTry, iniFixed, iniTest, notes } from './coding-job-files.ts'

export const codingJob: readonly ScriptedTurn[] = [
  {
    text: `I will port the parser in small steps and let tests decide whether it behaves like the original. First I read
the Python source, because the details that matter in an INI reader are never in its name: what counts as a comment,
which section the first keys belong to, whether a quoted value may contain a comment sign, and what an error says about
its place. I will write down what the code does, not what its docstring claims.`,
    toolCall: { name: 'read_file', input: { path: 'ini.py' } },
  },
  {
    text: `The source is clear. Four facts to keep: keys before the first header go into the section ''; a line whose
first character is ; or # is a comment; a quoted value keeps everything between its quotes; an unquoted value ends at
the first comment sign. Errors carry a line and a column, both counted from 1. One thing differs between the languages:
splitlines() also splits at a lone carriage return, which I will not imitate, and I will say so in the notes. Next I look
at the sample file, since it will be the best test of all: it was written for the Python version.`,
    toolCall: { name: 'read_file', input: { path: 'sample.ini' } },
  },
  {
    text: `The sample has every case that I noted, also an empty value and a trailing comment after an address. I write
the port now. It stays close to the original, function by function, so that a reader can lay the two side by side:
IniError first, then parse with its loop over lines, then one function that reads a value. Plain objects instead of
dictionaries, a spread instead of dict(defaults), and the column is computed from the raw line so that leading spaces
count, exactly as in Python.`,
    toolCall: { name: 'write_file', input: { path: 'ini.js', content: iniFirstTry } },
  },
  {
    text: `Before I run anything I write the tests, one for each of the facts and one that reads the sample file as a
whole. Each title is a sentence about behaviour, so that a failing test already says what is wrong. I start with the
empty file, since everything else builds on it, and end with the errors: an open header, a line without an equals sign
and an open quote must each name the line on which they stand. For the column it is enough that it is positive here; its
exact value follows from the raw line and would only make the tests brittle.`,
    toolCall: { name: 'write_file', input: { path: 'ini.test.js', content: iniTest } },
  },
  {
    text: `Both files are there. I run the tests. I expect the simple cases to pass; I am least sure of the quoted value
that contains both comment signs, because I split at the sign before I looked at the quote.`,
    toolCall: { name: 'run_tests', input: {} },
  },
  {
    text: `Two tests fail, and for the reason that I feared: valueOf cuts the text at the first ; or # and only then asks
whether it begins with a quote. The banner of the sample loses its second half together with its closing quote, and so
the reader even complains about an open quote that is not open in the file. The Python version asks for the quote first.
The mend is to do the same: when the text begins with a quote, take everything up to the next quote and look at nothing
else; only an unquoted value ends at a comment sign. That order also makes the function shorter.

Before I write I go through the function by hand, one kind of value after the other, because a mend that is made in haste
is how the next bug comes in. An empty value: the text does not begin with a quote, the split yields the empty text, and
that is what the sample expects for its cache path. A plain value without a comment: the split yields it whole, and trim
changes nothing. A plain value with a comment behind it: everything before the first sign, without the space between. A
value that begins with a comment sign: the empty text, as in the original, which may surprise, but it is what the Python
version does and what its users rely on. A quoted value and nothing behind it: from the first character after the quote
to the last before its partner. A quoted value with a comment behind it: the same, since nothing after the closing quote
is looked at; the original does not complain about it either. A quoted value with comment signs inside: this is the case
that failed, and now the signs are never seen as such. A quote that is never closed: the search finds no partner, and the
error names the line and a column behind the end of the text, counted as the original counts it. A quote in the middle of
an unquoted value: it does not begin with one, so it is a character like any other. Two quoted parts in one value: the
first is taken and the rest is ignored, again as in the original.

I also asked myself whether the split should know about escaped quotes. The Python version does not, no line of the
sample has one, and adding it here would make the port read files that the original refuses; that is a feature for both
or for none. And whether the caller should see the comment: no, it never did. One thing I considered and left: reading
the value with one regular expression would be four lines shorter, but each of the cases above would then be a group in
a pattern that nobody reads twice, and the error could no longer say where the open quote stands.

For the tests this means: the two that fail now must pass, the five others must still pass, and no new one is needed,
because every case of the list above is either in a test already or cannot be told apart from one that is. I write the
file again with this one function changed, and leave the rest as it was, because the other tests show that it is right.`,
    toolCall: { name: 'write_file', input: { path: 'ini.js', content: iniFixed } },
  },
  {
    text: `Now the tests again, all of them and not only the two that failed: a change to the function that reads every
value can break any of the others.`,
    toolCall: { name: 'run_tests', input: {} },
  },
  {
    text: `All tests pass, the sample file among them. What remains is to write down what a user of the port must know:
the contract of parse, what an error carries, and the one difference from the original, the lone carriage return. I keep
it to a few lines; the tests say the rest, and they cannot go stale without failing.`,
    toolCall: { name: 'write_file', input: { path: 'NOTES.md', content: notes } },
  },
  {
    text: `The port is done. ini.js reads what ini.py reads: sections, keys before the first header, comments with ; and
#, quoted values, defaults. Errors are IniError with a line and a column. ini.test.js has seven tests, one for each fact
that I took from the source and one that reads the sample file as a whole; all pass. They found one mistake of mine on
the way: a comment sign inside a quoted value ended the value. It is mended, and its test stays. NOTES.md names the one
deliberate difference: a lone carriage return does not end a line. If you want the Python behaviour there too, it is one
more alternative in the pattern that splits the lines, and one more test. I did not touch ini.py or sample.ini.`,
  },
].map((turn) => ({ ...turn, text: turn.text.replaceAll('\n', ' ') }))

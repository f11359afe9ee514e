/**
 * The schema, as numbered steps. Forward only: a step that has been released is never edited, a new one is added.
 * Running them again changes nothing; a database from a newer program is refused, since its rules are not known here.
 */
import type { DatabaseSync } from 'node:sqlite'
import { unusable } from './sqlite-errors.ts'

/** "botb": tells a ledger from any other SQLite file. */
export const ledgerApplicationId = 0x62_6f_74_62

interface Migration {
  readonly version: number
  readonly sql: string
}

/**
 * Every token column is a non-negative integer that JavaScript can hold; sums saturate there instead of failing.
 * A chain is stored once as JSON and referred to by events, so that every counter can be rebuilt from them.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE counter (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  period TEXT NOT NULL,
  limit_tokens INTEGER CHECK (limit_tokens BETWEEN 0 AND 9007199254740991),
  settled_tokens INTEGER NOT NULL CHECK (settled_tokens BETWEEN 0 AND 9007199254740991),
  reserved_tokens INTEGER NOT NULL CHECK (reserved_tokens BETWEEN 0 AND 9007199254740991),
  PRIMARY KEY (scope, provider, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
  chain_id INTEGER PRIMARY KEY,
  keys TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE chain_counter (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  period TEXT NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  PRIMARY KEY (scope, provider, period, chain_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation (
  attempt_id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  agent TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT,
  hold_tokens INTEGER NOT NULL CHECK (hold_tokens BETWEEN 0 AND 9007199254740991),
  input_tokens INTEGER NOT NULL CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
  governing TEXT NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  reserved_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_event (
  sequence INTEGER PRIMARY KEY,
  attempt_id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  agent TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT,
  input_tokens INTEGER CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
  cache_write_5m_tokens INTEGER CHECK (cache_write_5m_tokens BETWEEN 0 AND 9007199254740991),
  cache_write_1h_tokens INTEGER CHECK (cache_write_1h_tokens BETWEEN 0 AND 9007199254740991),
  cache_read_tokens INTEGER CHECK (cache_read_tokens BETWEEN 0 AND 9007199254740991),
  output_tokens INTEGER CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
  reasoning_tokens INTEGER CHECK (reasoning_tokens BETWEEN 0 AND 9007199254740991),
  charge_tokens INTEGER NOT NULL CHECK (charge_tokens BETWEEN 0 AND 9007199254740991),
  source TEXT NOT NULL CHECK (source IN ('authoritative', 'partial', 'estimated', 'unsent')),
  ending TEXT NOT NULL,
  held_tokens INTEGER NOT NULL,
  estimated_input_tokens INTEGER NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  started_at_ms INTEGER NOT NULL,
  settled_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX usage_event_of_bottle ON usage_event (bottle_id, sequence);
CREATE TRIGGER usage_event_is_never_updated BEFORE UPDATE ON usage_event
BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;
CREATE TRIGGER usage_event_is_never_deleted BEFORE DELETE ON usage_event
BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;

CREATE TABLE usage_hour (
  hour_ms INTEGER NOT NULL,
  bottle_id TEXT NOT NULL,
  agent TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  source TEXT NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  exchanges INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  charge_tokens INTEGER NOT NULL,
  PRIMARY KEY (hour_ms, bottle_id, agent, provider, model, source, chain_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_hour_of_bottle ON usage_hour (bottle_id);
CREATE INDEX usage_hour_of_chain ON usage_hour (chain_id);

CREATE TABLE enforcement (
  sequence INTEGER PRIMARY KEY,
  enforcement_id TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('cutoff', 'kill', 'restore')),
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('budget', 'operator')),
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'done', 'failed')),
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX enforcement_has_one_intent ON enforcement (enforcement_id) WHERE phase = 'intent';
CREATE UNIQUE INDEX enforcement_has_one_outcome ON enforcement (enforcement_id) WHERE phase <> 'intent';
CREATE INDEX enforcement_of_bottle ON enforcement (bottle_id, sequence);
CREATE TRIGGER enforcement_is_never_updated BEFORE UPDATE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER enforcement_is_never_deleted BEFORE DELETE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER bottle_has_one_open_enforcement BEFORE INSERT ON enforcement
WHEN NEW.phase = 'intent' AND EXISTS (
  SELECT 1 FROM enforcement AS intent WHERE intent.bottle_id = NEW.bottle_id AND intent.phase = 'intent'
  AND NOT EXISTS (
    SELECT 1 FROM enforcement AS outcome
    WHERE outcome.enforcement_id = intent.enforcement_id AND outcome.phase <> 'intent'
  )
)
BEGIN SELECT RAISE(ABORT, 'the bottle has an open enforcement'); END;

CREATE TABLE warning (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  period TEXT NOT NULL,
  limit_tokens INTEGER NOT NULL,
  threshold_percent INTEGER NOT NULL,
  warned_at_ms INTEGER NOT NULL,
  PRIMARY KEY (scope, provider, period, limit_tokens, threshold_percent)
) STRICT, WITHOUT ROWID;

CREATE TABLE bottle (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  definitions TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('starting', 'running', 'cut', 'exited', 'killed', 'failed')),
  policy TEXT NOT NULL CHECK (policy IN ('cutoff', 'kill')),
  contained INTEGER NOT NULL CHECK (contained IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  exit_code INTEGER,
  reference TEXT NOT NULL
) STRICT;
CREATE INDEX bottle_by_age ON bottle (created_at_ms, sequence);
CREATE INDEX bottle_living_by_age ON bottle (created_at_ms, sequence) WHERE state IN ('starting', 'running', 'cut');
`,
  },
  {
    // Periods: a chain is that of one day (UTC, of the reservation), so that what any period was charged is a sum over
    // chains; limits have their own table, from which the counter of a new period takes its own.
    version: 2,
    sql: `
CREATE TABLE budget (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  period TEXT NOT NULL CHECK (period IN ('total', 'run', 'day', 'week', 'month')),
  limit_tokens INTEGER NOT NULL CHECK (limit_tokens BETWEEN 0 AND 9007199254740991),
  PRIMARY KEY (scope, provider, period)
) STRICT, WITHOUT ROWID;
INSERT INTO budget SELECT scope, provider, period, limit_tokens FROM counter WHERE limit_tokens IS NOT NULL;
ALTER TABLE counter ADD COLUMN kept_periods TEXT NOT NULL DEFAULT '';

CREATE TEMP TABLE chain_by_day AS
  SELECT chain_id AS old_id, day_ms, json_object(
    'dayMs', day_ms,
    'provider', (SELECT value ->> 1 FROM json_each(keys) LIMIT 1),
    'scopes', json((SELECT json_group_array(value ->> 0 ORDER BY key) FROM json_each(keys)))
  ) AS keys
  FROM (
    SELECT chain_id, started_at_ms / 86400000 * 86400000 AS day_ms FROM usage_event
    UNION SELECT chain_id, reserved_at_ms / 86400000 * 86400000 FROM reservation
  ) JOIN chain USING (chain_id);
CREATE INDEX temp.chain_by_day_of_old ON chain_by_day (old_id, day_ms);
INSERT INTO chain (keys) SELECT keys FROM chain_by_day;

DROP TRIGGER usage_event_is_never_updated;
UPDATE usage_event SET chain_id = (
  SELECT chain.chain_id FROM chain_by_day JOIN chain USING (keys)
  WHERE old_id = usage_event.chain_id AND day_ms = started_at_ms / 86400000 * 86400000);
CREATE TRIGGER usage_event_is_never_updated BEFORE UPDATE ON usage_event
BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;
UPDATE reservation SET chain_id = (
  SELECT chain.chain_id FROM chain_by_day JOIN chain USING (keys)
  WHERE old_id = reservation.chain_id AND day_ms = reserved_at_ms / 86400000 * 86400000);

DELETE FROM usage_hour;
INSERT INTO usage_hour
  SELECT settled_at_ms / 3600000 * 3600000, bottle_id, agent, provider, coalesce(model, ''), source, chain_id, count(*),
    min(CAST(total(input_tokens) AS INTEGER), 9007199254740991),
    min(CAST(total(cache_write_5m_tokens) + total(cache_write_1h_tokens) AS INTEGER), 9007199254740991),
    min(CAST(total(cache_read_tokens) AS INTEGER), 9007199254740991),
    min(CAST(total(output_tokens) AS INTEGER), 9007199254740991),
    min(CAST(total(reasoning_tokens) AS INTEGER), 9007199254740991),
    min(CAST(total(charge_tokens) AS INTEGER), 9007199254740991)
  FROM usage_event GROUP BY 1, 2, 3, 4, 5, 6, 7;

DROP TABLE chain_counter;
DELETE FROM chain WHERE keys NOT IN (SELECT keys FROM chain_by_day);
CREATE TABLE chain_scope (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  day_ms INTEGER NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  PRIMARY KEY (scope, provider, day_ms, chain_id)
) STRICT, WITHOUT ROWID;
INSERT INTO chain_scope
  SELECT scope.value, keys ->> 'provider', keys ->> 'dayMs', chain_id FROM chain, json_each(keys -> 'scopes') AS scope;
DROP TABLE temp.chain_by_day;
`,
  },
  {
    version: 3,
    sql: `
CREATE TABLE estimator (
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  state TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    version: 4,
    sql: `
CREATE TABLE budget_override (
  scope TEXT NOT NULL,
  provider TEXT NOT NULL,
  period TEXT NOT NULL CHECK (period IN ('total', 'run', 'day', 'week', 'month')),
  limit_tokens INTEGER NOT NULL CHECK (limit_tokens BETWEEN 0 AND 9007199254740991),
  always INTEGER NOT NULL CHECK (always IN (0, 1)),
  PRIMARY KEY (scope, provider)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    // Writes that a cache keeps for an hour cost more than others, and only events told them apart.
    version: 5,
    sql: `
ALTER TABLE usage_hour ADD COLUMN cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0;
INSERT INTO usage_hour
  SELECT settled_at_ms / 3600000 * 3600000, bottle_id, agent, provider, coalesce(model, ''), source, chain_id,
    0, 0, 0, 0, 0, 0, 0, min(CAST(total(cache_write_1h_tokens) AS INTEGER), 9007199254740991)
  FROM usage_event WHERE cache_write_1h_tokens > 0 GROUP BY 1, 2, 3, 4, 5, 6, 7
  ON CONFLICT DO UPDATE SET cache_write_1h_tokens = excluded.cache_write_1h_tokens;
`,
  },
  {
    // What changes an event without touching it: the charge of a recovered attempt whose end was told later, and events that
    // are old. `charged_event` is what every sum is a sum of, with `rolled_usage`.
    version: 6,
    sql: `
CREATE TABLE correction (
  sequence INTEGER PRIMARY KEY REFERENCES usage_event (sequence),
  model TEXT,
  input_tokens INTEGER CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
  cache_write_5m_tokens INTEGER CHECK (cache_write_5m_tokens BETWEEN 0 AND 9007199254740991),
  cache_write_1h_tokens INTEGER CHECK (cache_write_1h_tokens BETWEEN 0 AND 9007199254740991),
  cache_read_tokens INTEGER CHECK (cache_read_tokens BETWEEN 0 AND 9007199254740991),
  output_tokens INTEGER CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
  reasoning_tokens INTEGER CHECK (reasoning_tokens BETWEEN 0 AND 9007199254740991),
  charge_tokens INTEGER NOT NULL CHECK (charge_tokens BETWEEN 0 AND 9007199254740991),
  source TEXT NOT NULL CHECK (source IN ('authoritative', 'partial', 'estimated', 'unsent')),
  ending TEXT NOT NULL,
  corrected_at_ms INTEGER NOT NULL
) STRICT;
CREATE TRIGGER correction_is_never_updated BEFORE UPDATE ON correction
BEGIN SELECT RAISE(ABORT, 'correction is append-only'); END;

CREATE VIEW charged_event AS
  SELECT e.sequence, e.attempt_id, e.owner, e.bottle_id, e.agent, e.provider, e.chain_id, e.started_at_ms, e.settled_at_ms,
    ${[
      'model',
      'input_tokens',
      'cache_write_5m_tokens',
      'cache_write_1h_tokens',
      'cache_read_tokens',
      'output_tokens',
      'reasoning_tokens',
      'charge_tokens',
      'source',
      'ending',
    ]
      .map((column) => `iif(c.sequence IS NULL, e.${column}, c.${column}) AS ${column}`)
      .join(', ')}
  FROM usage_event AS e LEFT JOIN correction AS c USING (sequence);

CREATE TABLE rolled_usage (
  hour_ms INTEGER NOT NULL,
  bottle_id TEXT NOT NULL,
  agent TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  source TEXT NOT NULL,
  chain_id INTEGER NOT NULL REFERENCES chain (chain_id),
  exchanges INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  cache_write_1h_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  charge_tokens INTEGER NOT NULL,
  PRIMARY KEY (hour_ms, bottle_id, agent, provider, model, source, chain_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE rolled_attempt (attempt_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

DROP TRIGGER usage_event_is_never_deleted;
CREATE TRIGGER usage_event_is_deleted_when_rolled_up BEFORE DELETE ON usage_event
WHEN NOT EXISTS (SELECT 1 FROM rolled_attempt WHERE attempt_id = OLD.attempt_id)
BEGIN SELECT RAISE(ABORT, 'usage_event is append-only'); END;
CREATE TRIGGER correction_is_deleted_when_rolled_up BEFORE DELETE ON correction
WHEN NOT EXISTS (SELECT 1 FROM usage_event JOIN rolled_attempt USING (attempt_id) WHERE sequence = OLD.sequence)
BEGIN SELECT RAISE(ABORT, 'correction is append-only'); END;
`,
  },
  {
    // Steps of an enforcement between its intent and its outcome. SQLite changes no CHECK in place.
    version: 7,
    sql: `
CREATE TABLE enforcement_with_steps (
  sequence INTEGER PRIMARY KEY,
  enforcement_id TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('cutoff', 'freeze', 'kill', 'restore', 'resume')),
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('budget', 'operator', 'recovery')),
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'step', 'done', 'failed')),
  step TEXT CHECK ((step IS NOT NULL) = (phase = 'step')),
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO enforcement_with_steps
  SELECT sequence, enforcement_id, bottle_id, action, "trigger", phase, NULL, detail, at_ms FROM enforcement;
DROP TABLE enforcement;
ALTER TABLE enforcement_with_steps RENAME TO enforcement;
CREATE UNIQUE INDEX enforcement_has_one_intent ON enforcement (enforcement_id) WHERE phase = 'intent';
CREATE UNIQUE INDEX enforcement_has_one_outcome ON enforcement (enforcement_id) WHERE phase IN ('done', 'failed');
CREATE UNIQUE INDEX enforcement_has_each_step_once ON enforcement (enforcement_id, step) WHERE phase = 'step';
CREATE INDEX enforcement_of_bottle ON enforcement (bottle_id, sequence);
CREATE TRIGGER enforcement_is_never_updated BEFORE UPDATE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER enforcement_is_never_deleted BEFORE DELETE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER bottle_has_one_open_enforcement BEFORE INSERT ON enforcement
WHEN NEW.phase = 'intent' AND EXISTS (
  SELECT 1 FROM enforcement AS intent WHERE intent.bottle_id = NEW.bottle_id AND intent.phase = 'intent'
  AND NOT EXISTS (
    SELECT 1 FROM enforcement AS outcome
    WHERE outcome.enforcement_id = intent.enforcement_id AND outcome.phase IN ('done', 'failed')
  )
)
BEGIN SELECT RAISE(ABORT, 'the bottle has an open enforcement'); END;
`,
  },
  {
    // Of a host that shares budgets with others (ledger/journal.ts): what it was granted of a counter, and which of its sums
    // the others were not told.
    version: 8,
    sql: `
ALTER TABLE counter ADD COLUMN granted_tokens INTEGER CHECK (granted_tokens BETWEEN 0 AND 9007199254740991);
ALTER TABLE usage_hour ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 1;
ALTER TABLE usage_hour ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX usage_hour_untold ON usage_hour (hour_ms) WHERE told_ms < changed_ms;
CREATE TABLE host (host_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`,
  },
  {
    // Bottles that are frozen. SQLite changes no CHECK in place.
    version: 9,
    sql: `
CREATE TABLE bottle_with_frozen (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  definitions TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('starting', 'running', 'cut', 'frozen', 'exited', 'killed', 'failed')),
  policy TEXT NOT NULL CHECK (policy IN ('cutoff', 'freeze', 'kill')),
  contained INTEGER NOT NULL CHECK (contained IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  exit_code INTEGER,
  reference TEXT NOT NULL
) STRICT;
INSERT INTO bottle_with_frozen SELECT * FROM bottle;
DROP TABLE bottle;
ALTER TABLE bottle_with_frozen RENAME TO bottle;
CREATE INDEX bottle_by_age ON bottle (created_at_ms, sequence);
CREATE INDEX bottle_living_by_age ON bottle (created_at_ms, sequence) WHERE state IN ('starting', 'running', 'cut');
CREATE INDEX bottle_at_hand_by_age ON bottle (created_at_ms, sequence)
  WHERE state IN ('starting', 'running', 'cut', 'frozen');
`,
  },
  {
    // Processes that were ended for a limit of the host.
    version: 10,
    sql: `
CREATE TABLE enforcement_with_limits (
  sequence INTEGER PRIMARY KEY,
  enforcement_id TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('cutoff', 'freeze', 'kill', 'restore', 'resume', 'limit')),
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('budget', 'operator', 'recovery', 'limit')),
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'step', 'done', 'failed')),
  step TEXT CHECK ((step IS NOT NULL) = (phase = 'step')),
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO enforcement_with_limits
  SELECT * FROM enforcement;
DROP TABLE enforcement;
ALTER TABLE enforcement_with_limits RENAME TO enforcement;
CREATE UNIQUE INDEX enforcement_has_one_intent ON enforcement (enforcement_id) WHERE phase = 'intent';
CREATE UNIQUE INDEX enforcement_has_one_outcome ON enforcement (enforcement_id) WHERE phase IN ('done', 'failed');
CREATE UNIQUE INDEX enforcement_has_each_step_once ON enforcement (enforcement_id, step) WHERE phase = 'step';
CREATE INDEX enforcement_of_bottle ON enforcement (bottle_id, sequence);
CREATE TRIGGER enforcement_is_never_updated BEFORE UPDATE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER enforcement_is_never_deleted BEFORE DELETE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER bottle_has_one_open_enforcement BEFORE INSERT ON enforcement
WHEN NEW.phase = 'intent' AND EXISTS (
  SELECT 1 FROM enforcement AS intent WHERE intent.bottle_id = NEW.bottle_id AND intent.phase = 'intent'
  AND NOT EXISTS (
    SELECT 1 FROM enforcement AS outcome
    WHERE outcome.enforcement_id = intent.enforcement_id AND outcome.phase IN ('done', 'failed')
  )
)
BEGIN SELECT RAISE(ABORT, 'the bottle has an open enforcement'); END;
`,
  },
  {
    // Bottles whose time is over, and programs that are started again.
    version: 11,
    sql: `
CREATE TABLE enforcement_with_restarts (
  sequence INTEGER PRIMARY KEY,
  enforcement_id TEXT NOT NULL,
  bottle_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('cutoff', 'freeze', 'kill', 'restore', 'resume', 'limit', 'restart')),
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('budget', 'operator', 'recovery', 'limit', 'timeout', 'program')),
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'step', 'done', 'failed')),
  step TEXT CHECK ((step IS NOT NULL) = (phase = 'step')),
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO enforcement_with_restarts
  SELECT * FROM enforcement;
DROP TABLE enforcement;
ALTER TABLE enforcement_with_restarts RENAME TO enforcement;
CREATE UNIQUE INDEX enforcement_has_one_intent ON enforcement (enforcement_id) WHERE phase = 'intent';
CREATE UNIQUE INDEX enforcement_has_one_outcome ON enforcement (enforcement_id) WHERE phase IN ('done', 'failed');
CREATE UNIQUE INDEX enforcement_has_each_step_once ON enforcement (enforcement_id, step) WHERE phase = 'step';
CREATE INDEX enforcement_of_bottle ON enforcement (bottle_id, sequence);
CREATE TRIGGER enforcement_is_never_updated BEFORE UPDATE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER enforcement_is_never_deleted BEFORE DELETE ON enforcement
BEGIN SELECT RAISE(ABORT, 'enforcement is append-only'); END;
CREATE TRIGGER bottle_has_one_open_enforcement BEFORE INSERT ON enforcement
WHEN NEW.phase = 'intent' AND EXISTS (
  SELECT 1 FROM enforcement AS intent WHERE intent.bottle_id = NEW.bottle_id AND intent.phase = 'intent'
  AND NOT EXISTS (
    SELECT 1 FROM enforcement AS outcome
    WHERE outcome.enforcement_id = intent.enforcement_id AND outcome.phase IN ('done', 'failed')
  )
)
BEGIN SELECT RAISE(ABORT, 'the bottle has an open enforcement'); END;
`,
  },
]

export const latestSchemaVersion = migrations.length

/** Brings the database to the latest schema. Throws `ledger_unusable` for a newer one, naming both numbers. */
export function migrate(db: DatabaseSync, path: string): void {
  if (refuseNewer(schemaVersion(db), path) === latestSchemaVersion) return
  db.exec('BEGIN IMMEDIATE')
  try {
    // Read again: another process may have migrated while this one waited for the lock.
    const version = refuseNewer(schemaVersion(db), path)
    db.exec(`PRAGMA application_id = ${ledgerApplicationId}`)
    db.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT')
    for (const migration of migrations.slice(version)) {
      db.exec(migration.sql)
      db.prepare('INSERT INTO schema_version (version) VALUES (?)').run(migration.version)
    }
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** For whoever only reads: what is older is no more read than what is newer. */
export function requireLatestSchema(db: DatabaseSync, path: string): void {
  const version = refuseNewer(schemaVersion(db), path)
  if (version === latestSchemaVersion) return
  throw unusable(
    `the ledger "${path}" has schema ${version}, and this program reads schema ${latestSchemaVersion}`,
    'The next controller brings it up to date: bot-bottle controller run',
  )
}

export function isOlderSchema(db: DatabaseSync): boolean {
  return schemaVersion(db) < latestSchemaVersion
}

/** 0 for a database without any schema. */
function schemaVersion(db: DatabaseSync): number {
  const table = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'`).get()
  if (table === undefined) return 0
  return Number(db.prepare('SELECT max(version) AS version FROM schema_version').get()?.version ?? 0)
}

function refuseNewer(version: number, path: string): number {
  if (version <= latestSchemaVersion) return version
  throw unusable(
    `the ledger "${path}" has schema ${version}, this program knows schemas up to ${latestSchemaVersion}`,
    'A newer bot-bottle wrote it; "npm install --global bot-bottle@latest" brings this one up to date.',
  )
}

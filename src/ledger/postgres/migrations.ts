/**
 * The schema of the shared database, as numbered steps. Forward only: a step that has been released is never edited, a new
 * one is added. One host at a time brings it up to date; a database from a newer program is refused.
 *
 * Everything is in the schema `bot_bottle`, also the functions: what must be one step for all hosts is one statement for each.
 */
import type { Database } from './database.ts'
import { oldCopyCode, unusable } from './postgres-errors.ts'

/** "botb": tells our advisory locks from those of others. */
const lockClass = 0x62_6f_74_62
const mostTokens = Number.MAX_SAFE_INTEGER

interface Migration {
  readonly version: number
  readonly sql: string
}

const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE bot_bottle.host (
  host_id text PRIMARY KEY,
  name text NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- Of a counter: the mark up to which one host may spend it, and what that host told of its charges.
CREATE TABLE bot_bottle.share (
  scope text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  host_id text NOT NULL REFERENCES bot_bottle.host,
  granted_tokens bigint NOT NULL DEFAULT 0 CHECK (granted_tokens BETWEEN 0 AND ${mostTokens}),
  settled_tokens bigint NOT NULL DEFAULT 0,
  -- When the host last spoke of the mark. A word that was on its way for longer than a later one changes nothing.
  said_ms bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, provider, period, host_id)
);
CREATE INDEX share_open ON bot_bottle.share (host_id) WHERE granted_tokens > settled_tokens;

CREATE TABLE bot_bottle.usage_hour (
  host_id text NOT NULL REFERENCES bot_bottle.host,
  hour_ms bigint NOT NULL,
  bottle_id text COLLATE "C" NOT NULL,
  agent text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  source text NOT NULL,
  day_ms bigint NOT NULL,
  scopes text[] NOT NULL,
  exchanges bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL,
  cache_write_1h_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  charge_tokens bigint NOT NULL,
  -- When the host changed the row: one that knows of an earlier change is an old copy of itself.
  changed_ms bigint NOT NULL,
  PRIMARY KEY (host_id, hour_ms, bottle_id, agent, provider, model, source, day_ms, scopes)
);
CREATE INDEX usage_hour_by_time ON bot_bottle.usage_hour (hour_ms);

CREATE TABLE bot_bottle.budget_override (
  scope text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  period text NOT NULL,
  limit_tokens bigint NOT NULL CHECK (limit_tokens BETWEEN 0 AND ${mostTokens}),
  always boolean NOT NULL,
  PRIMARY KEY (scope, provider)
);

-- Raises a host's mark in a counter by what it needs, if there is room, and a part of what is left besides. "used" is
-- what the host may be up to already. The lock makes hosts take turns: each statement after it sees what the others took.
CREATE FUNCTION bot_bottle.top_up(of_scope text, of_provider text, of_period text, of_host text,
  used bigint, need bigint, limit_or_null bigint, most_spare bigint, said bigint,
  OUT granted bigint, OUT others_settled bigint, OUT others_held bigint)
LANGUAGE plpgsql AS $$
DECLARE room bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(${lockClass}, hashtext(of_scope || chr(10) || of_provider || chr(10) || of_period));
  SELECT least(coalesce(sum(settled_tokens), 0), ${mostTokens}),
    least(coalesce(sum(greatest(granted_tokens - settled_tokens, 0)), 0), ${mostTokens})
  INTO others_settled, others_held
  FROM bot_bottle.share
  WHERE scope = of_scope AND provider = of_provider AND period = of_period AND host_id <> of_host;
  room := coalesce(limit_or_null - others_settled - others_held, ${mostTokens}) - used;
  granted := used;
  IF room >= need THEN
    granted := used + need;
    -- The last hundredth is not hoarded.
    IF limit_or_null IS NULL OR room > limit_or_null / 100 THEN
      granted := granted + least((room - need) / 8, most_spare);
    END IF;
  END IF;
  granted := least(granted, ${mostTokens});
  INSERT INTO bot_bottle.share AS share (scope, provider, period, host_id, granted_tokens, said_ms)
    VALUES (of_scope, of_provider, of_period, of_host, granted, said)
    ON CONFLICT (scope, provider, period, host_id) DO UPDATE
      SET granted_tokens = excluded.granted_tokens, said_ms = excluded.said_ms
      WHERE share.said_ms < excluded.said_ms;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'host % spoke of this counter later', of_host USING ERRCODE = '${oldCopyCode}';
  END IF;
END $$;

CREATE TYPE bot_bottle.told_hour AS (hour_ms bigint, bottle_id text, agent text, provider text, model text, source text,
  day_ms bigint, scopes text[], periods text[], exchanges bigint, input_tokens bigint, cache_write_tokens bigint,
  cache_write_1h_tokens bigint, cache_read_tokens bigint, output_tokens bigint, reasoning_tokens bigint,
  charge_tokens bigint, changed_ms bigint);

-- Takes in sums of a host as they are now, each in place of what the host told before, and changes its shares by the difference.
CREATE FUNCTION bot_bottle.tell(of_host text, hours json) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE told bot_bottle.told_hour[];
BEGIN
  PERFORM 1 FROM bot_bottle.host WHERE host_id = of_host FOR UPDATE;
  told := ARRAY(SELECT t FROM json_populate_recordset(NULL::bot_bottle.told_hour, hours) AS t);
  IF EXISTS (
    SELECT 1 FROM unnest(told) AS t JOIN bot_bottle.usage_hour AS old
      USING (hour_ms, bottle_id, agent, provider, model, source, day_ms, scopes)
    WHERE old.host_id = of_host AND old.changed_ms > t.changed_ms
  ) THEN
    RAISE EXCEPTION 'host % told more before', of_host USING ERRCODE = '${oldCopyCode}';
  END IF;
  INSERT INTO bot_bottle.share AS share (scope, provider, period, host_id, settled_tokens)
    SELECT scope, t.provider, period, of_host, greatest(least(
      sum(t.charge_tokens - coalesce(old.charge_tokens, 0)), ${mostTokens}), -${mostTokens})
    FROM unnest(told) AS t
      LEFT JOIN bot_bottle.usage_hour AS old ON old.host_id = of_host AND old.hour_ms = t.hour_ms
        AND old.bottle_id = t.bottle_id AND old.agent = t.agent AND old.provider = t.provider AND old.model = t.model
        AND old.source = t.source AND old.day_ms = t.day_ms AND old.scopes = t.scopes
      CROSS JOIN unnest(t.scopes) AS scope
      CROSS JOIN unnest(t.periods) AS period
    WHERE scope NOT LIKE 'run:%'
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    ON CONFLICT (scope, provider, period, host_id) DO UPDATE
      SET settled_tokens = least(share.settled_tokens + excluded.settled_tokens, ${mostTokens});
  INSERT INTO bot_bottle.usage_hour
    SELECT of_host, hour_ms, bottle_id, agent, provider, model, source, day_ms, scopes, exchanges, input_tokens,
      cache_write_tokens, cache_write_1h_tokens, cache_read_tokens, output_tokens, reasoning_tokens, charge_tokens, changed_ms
    FROM unnest(told)
    ON CONFLICT (host_id, hour_ms, bottle_id, agent, provider, model, source, day_ms, scopes) DO UPDATE SET
      exchanges = excluded.exchanges,
      input_tokens = excluded.input_tokens,
      cache_write_tokens = excluded.cache_write_tokens,
      cache_write_1h_tokens = excluded.cache_write_1h_tokens,
      cache_read_tokens = excluded.cache_read_tokens,
      output_tokens = excluded.output_tokens,
      reasoning_tokens = excluded.reasoning_tokens,
      charge_tokens = excluded.charge_tokens,
      changed_ms = excluded.changed_ms;
END $$;

-- For a host that will never come back: what it was granted and did not tell as spent is free again.
CREATE FUNCTION bot_bottle.forget_host(of_host text) RETURNS void
LANGUAGE sql AS $$
  UPDATE bot_bottle.share SET granted_tokens = greatest(settled_tokens, 0)
    WHERE host_id = of_host AND granted_tokens > settled_tokens;
  SELECT pg_notify('bot_bottle', json_build_object('kind', 'room', 'host', '')::text);
$$;
`,
  },
]

export const latestSharedSchemaVersion = migrations.length

/** Throws `ledger_unusable` for a newer schema, naming both numbers. */
export async function migrate(database: Database): Promise<void> {
  await database.transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock($1, 0)', [lockClass])
    // IF NOT EXISTS asks for the right to create also where nothing is to be created.
    const [found] = await query<{ table: string | null }>(`SELECT to_regclass('bot_bottle.schema_version') AS table`)
    if (!found?.table) {
      await query('CREATE SCHEMA IF NOT EXISTS bot_bottle')
      await query('CREATE TABLE bot_bottle.schema_version (version integer PRIMARY KEY)')
    }
    const [row] = await query<{ version: number | null }>(
      'SELECT max(version) AS version FROM bot_bottle.schema_version',
    )
    const version = row?.version ?? 0
    if (version > latestSharedSchemaVersion) {
      throw unusable(
        `the shared ledger ${database.name} has schema ${version}, this program knows schemas up to ${latestSharedSchemaVersion}`,
        'Another host uses a newer bot-bottle; "npm install --global bot-bottle@latest" brings this one up to date.',
      )
    }
    for (const migration of migrations.slice(version)) {
      await query(migration.sql)
      await query('INSERT INTO bot_bottle.schema_version (version) VALUES ($1)', [migration.version])
    }
  })
}

-- A database of 1,000 providers, checked every 5 minutes for 7 days: 2,016,000 rows in the order of their time, latencies
-- log-normal about 250 ms (sums of random numbers, by the central limit theorem), 3 % failures. Needs the daemon's tables.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
BEGIN;
WITH RECURSIVE
  rounds(age) AS (SELECT 7 * 86400 - 300 UNION ALL SELECT age - 300 FROM rounds WHERE age > 300),
  providers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM providers WHERE n < 999),
  checks(n, at, luck, bell) AS (
    SELECT n, unixepoch() - age, abs(random() % 100),
      (random() % 1000 + random() % 1000 + random() % 1000 + random() % 1000) / 1155.0 FROM rounds, providers)
INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent, rate_limit_percent,
  last_check_timestamp, error_message, consecutive_failures, created_at, ok, reason, http_status, dns_ms, connect_ms, tls_ms,
  first_byte_ms, error_kind)
SELECT printf('provider%03d', n), iif(luck < 3, 'degraded', 'healthy'), round(exp(5.5 + bell * 0.5), 3), 97.0, 0.0,
  strftime('%Y-%m-%dT%H:%M:%S', at, 'unixepoch') || printf('.%06d', n * 997), iif(luck < 3, 'HTTP 500: overloaded', ''),
  luck < 3, strftime('%Y-%m-%d %H:%M:%S', at, 'unixepoch'), luck >= 3, iif(luck < 3, 'server', 'ok'), iif(luck < 3, 500, 200),
  0.031, 1.25, 12.004, round(exp(5.3 + bell * 0.5), 3), iif(luck < 3, 'server', NULL)
FROM checks;
COMMIT;

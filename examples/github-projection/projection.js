"use strict";
// The projection: pure functions from (record or nothing, delivery) to the next
// record, or to undefined when the record is to go. They neither know nor care
// where records are kept.

/** @typedef {import("./deliveries").Delivery} Delivery */

/** What every record has. */
function count(record, delivery) {
  const name = delivery.action ? `${delivery.event}.${delivery.action}` : delivery.event;
  return {
    deliveries: (record?.deliveries ?? 0) + 1,
    events: { ...record?.events, [name]: (record?.events[name] ?? 0) + 1 },
  };
}

/** GitHub writes times as text or, in push events, as seconds. */
function time(value) {
  if (value === undefined || value === null) return undefined;
  return new Date(typeof value === "number" ? value * 1000 : value);
}

function latest(...times) {
  const known = times.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : new Date(Math.max(...known));
}

function foldAccount(record, delivery) {
  return count(record, delivery);
}

function foldRepository(record, delivery) {
  const { repository } = delivery.payload;
  if (delivery.event === "repository" && delivery.action === "deleted") return undefined;
  return {
    ...count(record, delivery),
    private: repository.private,
    language: repository.language ?? record?.language ?? null,
    stars: repository.stargazers_count ?? record?.stars ?? 0,
    forks: repository.forks_count ?? record?.forks ?? 0,
    openIssues: repository.open_issues_count ?? record?.openIssues ?? 0,
    lastActivity: latest(
      record?.lastActivity,
      time(repository.updated_at),
      time(repository.pushed_at),
    ),
  };
}

/** An issue or a pull request, which on GitHub is an issue too. */
function foldIssue(record, delivery) {
  const { event, action } = delivery;
  if (event === "issues" && (action === "deleted" || action === "transferred")) return undefined;
  const { issue, pull_request: pullRequest } = delivery.payload;
  const subject = pullRequest ?? issue;
  return {
    ...count(record, delivery),
    title: subject.title,
    author: subject.user?.login ?? null,
    // Some deliveries leave fields out; what is known stays.
    state: subject.state ?? record?.state ?? "open",
    locked: subject.locked ?? record?.locked ?? false,
    draft: pullRequest?.draft ?? record?.draft ?? false,
    labels: subject.labels ? subject.labels.map((label) => label.name) : (record?.labels ?? []),
    assignees: subject.assignees
      ? subject.assignees.map((user) => user.login)
      : (record?.assignees ?? []),
    lastActivity: latest(record?.lastActivity, time(subject.updated_at)),
  };
}

/**
 * The records that a delivery touches, each with its fold. Keys are arrays: the
 * kind first, so that records of one kind lie together.
 * @param {Delivery} delivery
 * @returns {{ key: (string | number)[], fold: (record: any, delivery: Delivery) => any }[]}
 */
function touched(delivery) {
  const { repository, issue, pull_request: pullRequest } = delivery.payload;
  const records = [{ key: ["account"], fold: foldAccount }];
  if (repository) {
    records.push({ key: ["repository", repository.name], fold: foldRepository });
    const subject = pullRequest ?? issue;
    if (subject) {
      const kind = pullRequest || issue.pull_request ? "pull_request" : "issue";
      records.push({ key: [kind, repository.name, subject.number], fold: foldIssue });
    }
  }
  return records;
}

module.exports = { foldAccount, foldIssue, foldRepository, touched };

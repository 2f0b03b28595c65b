"use strict";
// Medians, ratios, and whether a row meets its goals.

/** Twice as fast is not asked for near the floor: this much over it, and microseconds an operation. */
const FLOOR_GOAL = 2;
const FLOOR_FACTOR = 1.25;
const FLOOR_EXTRA = 0.25;
/** How much more a get may cost in the largest database than in the smallest, in microseconds. */
const SCALE_MOST = 2;

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the rounds of one implementation come to. */
function summary(rounds) {
  const times = rounds.map((round) => round.microseconds);
  const result = { median: median(times), min: Math.min(...times), max: Math.max(...times) };
  if (rounds[0].memory !== undefined) result.memory = median(rounds.map((round) => round.memory));
  if (rounds[0].cpuMicroseconds !== undefined) {
    result.cpu = median(rounds.map((round) => round.cpuMicroseconds));
  }
  if (rounds[0].lateness) {
    result.lateness = {
      max: Math.max(...rounds.map((round) => round.lateness.max)),
      p99: median(rounds.map((round) => round.lateness.p99)),
    };
  }
  return result;
}

function missedRatio(row, { ratio, ours, floor }) {
  const extra = FLOOR_EXTRA / (row.unitsPerOperation ?? 1);
  const nearFloor = floor && ours.median <= floor.median * FLOOR_FACTOR + extra;
  const missed = [];
  if (row.goal !== undefined && ratio < row.goal && (row.goal !== FLOOR_GOAL || !nearFloor)) {
    missed.push(`${ratio.toFixed(2)} of ${row.goal.toFixed(1)}`);
  }
  if (row.withinFloor && floor && !nearFloor) {
    missed.push(`${(ours.median / floor.median).toFixed(2)} x the floor`);
  }
  return missed;
}

function missedOthers(row, { ours, replaced, others }) {
  return Object.entries({ ...(replaced && { replaced }), ...others })
    .filter(([peer, other]) => other.median < ours.median && !row.mayTrail?.includes(peer))
    .map(([peer, other]) => `behind ${peer} (${(other.median / ours.median).toFixed(2)})`);
}

function missedRest(row, { ours, replaced }) {
  const missed = [];
  if (row.lateMost !== undefined && ours.lateness.max > row.lateMost) {
    missed.push(`late by ${ours.lateness.max.toFixed(1)} ms`);
  }
  if (row.rss && replaced && ours.memory > replaced.memory) missed.push("more memory");
  return missed;
}

/**
 * One row under one runtime.
 * @param {object} row
 * @param {{ [peer: string]: object[] }} rounds - by implementation; those that failed have none
 * @param {object[]} [floorRounds]
 */
function evaluate(row, rounds, floorRounds = []) {
  const summaries = {};
  for (const [peer, list] of Object.entries(rounds)) {
    if (list.length > 0) summaries[peer] = summary(list);
  }
  const { ours, replaced, ...others } = summaries;
  const floor = floorRounds.length > 0 ? summary(floorRounds) : undefined;
  const ratio = ours && replaced ? replaced.median / ours.median : undefined;
  const result = { ours, replaced, others, floor, ratio };
  if (!ours) return { ...result, missed: ["failed"] };
  if (ratio !== undefined) {
    const pairs = Math.min(rounds.ours.length, rounds.replaced.length);
    const each = Array.from(
      { length: pairs },
      (_, i) => rounds.replaced[i].microseconds / rounds.ours[i].microseconds,
    );
    result.ratioMin = Math.min(...each);
    result.ratioMax = Math.max(...each);
  }
  const missed = ratio === undefined ? [] : missedRatio(row, result);
  return { ...result, missed: [...missed, ...missedOthers(row, result), ...missedRest(row, result)] };
}

/** How much more a get costs in the largest of the databases that were measured. */
function growth(evaluations) {
  const gets = evaluations.filter(({ row, ours }) => row.scaleOf && ours);
  if (gets.length < 2) return undefined;
  const [first, last] = [gets[0], gets[gets.length - 1]];
  const microseconds = last.ours.median - first.ours.median;
  const met = microseconds <= SCALE_MOST;
  return { from: first.row.scaleOf, to: last.row.scaleOf, microseconds, most: SCALE_MOST, met };
}

module.exports = { median, summary, evaluate, growth };

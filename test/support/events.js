"use strict";
// Events that writers apply and tests count again.

const ACCOUNTS = 5;
const JOURNALS = 3;

/** The event of a number, from 1 on. */
function eventOf(number) {
  const amount = (number * 7919) % 1009;
  return { number, amount, account: amount % ACCOUNTS, journal: amount % JOURNALS };
}

/** A record with an event applied: another one if any is left out, comes twice or out of order. */
function fold(record = { count: 0, sum: 0, last: 0, mix: 0 }, { number, amount }) {
  const { count, sum, mix } = record;
  return { count: count + 1, sum: sum + amount, last: number, mix: (mix * 31 + number) % 1_000_003 };
}

/** What is stored when the first events have been applied, each once and in order. */
function folded(position) {
  const accounts = new Map();
  const journals = new Map();
  for (let number = 1; number <= position; number++) {
    const event = eventOf(number);
    accounts.set(event.account, fold(accounts.get(event.account), event));
    journals.set(event.journal, fold(journals.get(event.journal), event));
  }
  return { accounts, journals };
}

module.exports = { eventOf, fold, folded };

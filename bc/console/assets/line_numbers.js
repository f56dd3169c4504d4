/** The line numbers an invoice gets, for the preview beside the two increments. Pure. */

/**
 * A line whose type differs from the one before adds `group`, any other adds `line`; the first adds `group`.
 * @param {string[]} kinds @param {number} group @param {number} line @returns {number[]}
 */
export function lineNumbers(kinds, group, line) {
  let number = 0;
  let before = '';
  return kinds.map((kind) => {
    number += kind === before ? line : group;
    before = kind;
    return number;
  });
}

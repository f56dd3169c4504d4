/** What is chosen in an import's preview, and what it comes to. Pure. */

/**
 * The actions one row of the preview offers, as [value, words]; the first is what happens unless a person chooses.
 * A value is `action` or `link:{halo id}`.
 */
export function actionsOf(row) {
  if (row.match === 'linked') return [['update', 'Refresh from Business Central']];
  const create = ['create', 'Create new in Halo'];
  if (row.match === 'matched') return [[`link:${row.halo_id}`, `Link to ${row.halo_name || row.halo_id}`], create];
  if (row.match === 'ambiguous') {
    // Candidates often share their name: Halo's id tells them apart.
    const candidates = (row.candidates || []).map((each) => [
      `link:${each.halo_id}`,
      `Link to ${each.name || 'Halo’s record'} (${each.number ? `${each.number}, ` : ''}Halo id ${each.halo_id})`,
    ]);
    return [['', 'Choose …'], ...candidates, create];
  }
  return [create];
}

/** The action of a row: what was chosen, else its first one. '' = a person has to choose. */
export function actionOf(row, choices) {
  const offered = actionsOf(row).map(([action]) => action);
  const chosen = choices.get(row.bc_id);
  // A choice made earlier may be none any more: the record was linked since.
  return offered.includes(chosen) ? chosen : offered[0];
}

/** How many of the selected rows are created, linked, refreshed, or still undecided. */
export function tally(rows, choices) {
  const found = { create: 0, link: 0, update: 0, undecided: 0 };
  for (const row of rows) {
    const action = actionOf(row, choices);
    found[action === '' ? 'undecided' : action.startsWith('link:') ? 'link' : action] += 1;
  }
  return found;
}

/** The body's `records` for `/api/connections/{id}/imports/{kind}`; undecided rows stay out. */
export function records(rows, choices) {
  return rows.flatMap((row) => {
    const [action, haloId] = actionOf(row, choices).split(':');
    if (!action) return [];
    return [{ bc_id: row.bc_id, action, ...(haloId && { halo_id: haloId }) }];
  });
}

/** Rows that fit the search and the match state. */
export function fitting(rows, search, match) {
  const sought = search.trim().toLocaleLowerCase();
  return rows.filter(
    (row) => (!match || row.match === match)
      && (!sought || [row.number, row.name, row.halo_name].some((text) => text?.toLocaleLowerCase().includes(sought))),
  );
}

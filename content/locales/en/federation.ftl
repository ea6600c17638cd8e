## What a hub and its members know of each other: clocks, losses, items that were not taken.

col-clock = Clock
col-dropped = Dropped
col-from = From
col-to = To
col-told = Told
clock-right = right
clock-unknown = not known yet
clock-behind = { $span } behind
clock-ahead = { $span } ahead
members-clock-wrong = wrong
members-losses = What members had to drop
members-losses-caption = Sightings that waited too long for this hub and were dropped at the member; what they showed is not counted here
members-conflicts = Items that came in two versions
members-conflicts-caption = The first stays; ask the member whether it was restored from a backup without “lazaret restored”
col-item = Item
reach-members = Members
sharing-not-taken = { $count ->
    [one] 1 item that the hub did not take
   *[other] { $number } items that the hub did not take
}
sharing-not-taken-says = They left and are not sent again. What they say is missing at the hub.
sharing-refused = The hub refused it: { $why }
sharing-conflict = The hub holds other bytes under this name. Was this node restored from a backup?
task-not-taken = The hub did not take what was sent
task-not-taken-hint = { $count ->
    [one] 1 item was refused and is not sent again: { $why }
   *[other] { $number } items were refused and are not sent again. The last: { $why }
}
task-not-taken-sort = Sharing
task-member-clock = A member’s clock is wrong
task-member-clock-hint = The clock of { $member } is { $off }. Ask them to set it: until then their times cannot be trusted.
task-member-clock-sort = Member
task-member-dropped = A member dropped sightings
task-member-dropped-hint = { $member } dropped { $count ->
    [one] 1 sighting
   *[other] { $number } sightings
} because too many waited for this hub.
task-member-dropped-sort = Member
map-latest = No sighting came in the last 24 hours. Shown is the day up to the newest one, as of { $moment }.
col-marking = Marking
same-attack = Other warnings of the same attack
above-title = From the hub above
above-caption = Warnings that came from above, newest first; one line an attack
above-empty = No warning has come from the hub above yet. What comes is passed on to your members by itself.
above-passed-on = It was passed on to your members, who match it themselves.
above-kept = Its marking keeps it here: it was not passed on to your members.
above-state-trial = Being looked at
above-state-held = Held
above-state-live = In force
above-state-ignored = Ignored here
above-state-withdrawn = Withdrawn
task-missed = Warnings were missed
task-missed-hint = { $count ->
    [one] 1 entry of the hub’s log was gone when this node came back: it was away longer than the hub keeps them. Ask the hub what it was.
   *[other] { $number } entries of the hub’s log were gone when this node came back: it was away longer than the hub keeps them. Ask the hub what they were.
}
task-missed-sort = Warning

theatre-title = Theatre
theatre-reconstruction = Reconstruction
theatre-control = Move through the attack
theatre-attack = Attack
theatre-first = First
theatre-previous = Previous
theatre-play = Play
theatre-next = Next
theatre-last = Last
theatre-empty = No attack is recorded yet.
theatre-empty-hint = As soon as the demo sends the first line of an attack, it appears here by itself.
theatre-nothing-yet = Nothing has happened yet.
theatre-now = { $offset }, { $place }: { $says }
theatre-finding = { $number } of { $all } hospitals knew before their own first sign.
theatre-pace = { $count ->
    [one] One second here stands for 1 minute of the attack.
   *[other] One second here stands for { $number } minutes of the attack.
}
theatre-with = With Lazaret
theatre-without = The same attack without sharing
theatre-with-title = The attack with sharing: hospitals as rows, time from left to right
theatre-without-title = The same attack without sharing: hospitals as rows, time from left to right
theatre-without-finding = { $count ->
    [one] 1 hospital knows of the attack, by its own first sign; nobody was told before.
   *[other] { $number } hospitals know of the attack, each by its own first sign; nobody was told before.
}
theatre-nobody-counts = nobody counts, nobody is told
theatre-zero = start
theatre-legend-sign = first sign at a hospital
theatre-legend-sighting = sighting at the hub
theatre-legend-correlation = the hub counts hospitals
theatre-legend-warning = warning
theatre-legend-warned = warned
theatre-legend-hit = warned, and hit already
theatre-legend-knew = knew before its own first sign
theatre-legend-blind = not told, nothing seen yet
theatre-table = What happened
theatre-caption = Newest first; times count from { $start }
theatre-time = Time
theatre-gap = After
theatre-speed = From the deciding sighting to the last hospital warned: { $span }.
theatre-axis = Long times between events are drawn shorter.
theatre-sign = first sign of the attack: { $rule }.
theatre-sign-knew = first sign of the attack: { $rule }. The hospital already knew.
theatre-sighting = a sighting reaches { $hub }.
theatre-correlation = { $count ->
    [one] 1 hospital shares { $shared }.
   *[other] { $number } hospitals share { $shared }: this is one attack.
}
theatre-warning = warns: { $title }
theatre-warned-before = is warned before its own first sign; verdict: { $verdict }.
theatre-warned-after = is warned; verdict: { $verdict }.

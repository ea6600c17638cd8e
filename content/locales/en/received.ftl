received-title = Warnings
received-empty = No warning has reached you.
received-empty-hint = When hospitals elsewhere are attacked, the warning appears here with what it means for you.
received-empty-link = Say which suppliers you use, so that it can
received-from = From { $issuer }
received-decide = Decide
received-state-trial = being tried on the last 24 hours
received-state-held = held for you to decide
received-state-live = its rules run here
received-state-ignored = ignored here
received-state-withdrawn = withdrawn by its sender
verdict-hit = { $count ->
    [0] You are hit
    [one] You are hit on 1 machine
   *[other] You are hit on { $number } machines
}
verdict-exposed = You are exposed, not hit
verdict-not-concerned = Not concerned: you do not use what it is about
verdict-cannot-tell = We cannot tell
verdict-short-hit = hit
verdict-short-exposed = exposed, not hit
verdict-short-not-concerned = not concerned
verdict-short-cannot-tell = cannot tell
verdict-none-yet = It has just arrived and is being tried.
why-found = What the warning names is in events kept here.
why-supplier-used = You use what the warning is about, and what it names is in no event kept here.
why-supplier-not-used = You said that you do not use what the warning is about, and what it names is in no event kept here.
why-supplier-unknown = Nobody has said here whether you use what the warning is about.
why-anyone = It can concern anybody, and what it names is in no event kept here.
why-no-events = No events are kept here that could be searched.
why-other = The look-back could not decide.
received-limited = The search reached its limit; older events were not searched.
received-close-gap = Close this gap
received-held = { $count ->
    [one] It would match 1 of your events.
   *[other] It would match { $number } of your events.
}
received-held-hint = That is more than your limit for the last 24 hours, so its rules do not run yet. Look at what it names. Accept it if it is right for you, ignore it if it is not.
received-withdrawn = Its sender has withdrawn this warning. Its rules and values no longer run here.
received-do = What to do
received-what = What happened
received-accept = Accept and run
received-look-back = Look back again
received-ignore = Ignore this warning
received-hits = { $count ->
    [0] Nothing found in your events
    [one] Found in 1 event
   *[other] Found in { $number } events
}
received-hits-caption = Events kept here that hold what the warning names
received-searched = { $count ->
    [0] No event was searched.
    [one] 1 event was searched, from { $from } to { $to }.
   *[other] { $number } events were searched, from { $from } to { $to }.
}
received-alerts = Your alerts about it
received-evidence = What it rests on
received-issuer = From
received-basis = Rests on
received-version = Version
received-issued = Issued
received-arrived = Arrived here
received-suppliers = About
received-countries = Seen in
received-indicators = { $count ->
    [one] 1 value to look for
   *[other] { $number } values to look for
}
received-more = { $count ->
    [one] And 1 more.
   *[other] And { $number } more.
}
received-rule-text = A rule’s text
basis-correlated = { $count ->
    [one] 1 hospital
   *[other] { $number } hospitals
} within { $hours } hours share { $shared }; { $threshold } were needed. { $sightings } sightings.
basis-one-source = One source: { $source }.
source-confirmed-victim = a confirmed victim
source-mail = a mail
source-document = a document
source-phone = a phone call
source-advisory = a vendor’s advisory
one-source = One source
notice-received-accepted = Accepted. Its rules and values run from now on.
notice-received-ignored = Ignored. Its rules and values do not run here.
notice-looked-back = The look-back has run again.

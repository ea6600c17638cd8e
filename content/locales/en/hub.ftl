## Pages of a hub: map and time, warning desk, members.

map-title = Map and time
map-show = Show
map-from = From
map-to = To
map-last-day = The last 24 hours
map-says = { $count ->
    [0] No hospital sent a sighting
    [one] 1 hospital sent sightings
   *[other] { $number } hospitals sent sightings
} from { $from } to { $to }.
map-skip = Skip to the table
map-tiles = Hospitals with sightings, by country
map-key = Shades: hospitals with sightings. Shapes: the gravest severity seen.
map-table = By country
map-definition = Hospitals are counted once however much they send; severity is the gravest seen.
tile-says = { $country }: { $count ->
    [0] no hospital with sightings
    [one] 1 hospital with sightings
   *[other] { $number } hospitals with sightings
}
tile-says-level = { $tile }, gravest { $level }
strip-title = What they share, hour by hour
strip-says = { $count ->
    [0] No cluster between { $from } and { $to }.
    [one] 1 cluster between { $from } and { $to }. A dot is a sighting, a bar is a warning.
   *[other] { $number } clusters between { $from } and { $to }. A dot is a sighting, a bar is a warning.
}
strip-empty = No sightings in these hours.
strip-move = Move through time
strip-earlier = Earlier
strip-later = Later
strip-zoom-in = Closer
strip-zoom-out = Wider
strip-caption = The lanes of the strip, as a table
not-warned = not warned

desk-title = Warning desk
desk-new = Propose a warning
desk-waiting = { $count ->
    [0] Nothing waits for a decision
    [one] 1 proposal waits for a decision
   *[other] { $number } proposals wait for a decision
}
desk-waiting-empty = When several hospitals show the same attack, a proposal appears here with its evidence.
desk-look = Look and decide
desk-suspected = A rule is suspected, not an attacker
desk-suspected-hint = { $rule } fired at { $count ->
    [one] 1 hospital
   *[other] { $number } hospitals
} at once, it is young, and nothing else is shared. No warning was proposed.
desk-clear = I have looked at it
desk-others = Decided
desk-others-empty = No warning has been decided yet.
desk-caption = Newest first
warning-stage-proposed = Proposed
warning-stage-declined = Declined
warning-stage-approved = Approved
warning-stage-sent = In force
warning-stage-withdrawn = Withdrawn
stage-says-proposed = It waits for somebody other than its proposer; no hospital is warned until then.
stage-says-update = The version before it stays in force until somebody decides.
stage-says-declined = Somebody declined it; no hospital was warned of this version.
stage-says-approved = It is approved and leaves now.
stage-says-sent = Members have it since { $moment }.
stage-says-withdrawn = It was taken back: { $reason }. Its rules and values leave every engine.
desk-somebody-else = Somebody other than the proposer, with the role approver, decides.
desk-approve = Approve and send
desk-decline = Decline
desk-update = Update
desk-withdraw = Withdraw
desk-withdraw-title = Withdraw this warning?
desk-withdraw-says = “{ $title }” leaves the engine of every member that has it. They are told why. This cannot be undone; a new warning can be proposed.
desk-withdraw-question = Why?
desk-withdraw-empty = Choose why
reason-false-alarm = It was wrong
reason-over = It was right and is over
reason-replaced = Another warning replaces it
desk-reach = What became of it
reach-sent = Sent
reach-received = Received
reach-hit = Hit
reach-exposed = Exposed, not hit
reach-not-concerned = Not concerned
reach-cannot-tell = Cannot tell
desk-evidence = { $count ->
    [0] Evidence
    [one] Evidence: 1 sighting
   *[other] Evidence: { $number } sightings
}
desk-evidence-caption = Sightings behind it, in the order they were received
desk-deliveries = { $count ->
    [one] 1 delivery
   *[other] { $number } deliveries
}
desk-deliveries-caption = What each member answered, and how long it took from this hub’s sending to the member having it, by this hub’s clock
delivery-sent = sent
delivery-received = received
delivery-hit = hit
delivery-exposed = exposed, not hit
delivery-not-concerned = not concerned
delivery-cannot-tell = cannot tell
latency-ms = { $number } ms
desk-content = At a glance
desk-proposer = Proposed by
desk-approver = Approved by
desk-new-title = Propose a warning
desk-new-lead = On one confirmed victim or an outside source. It is marked “one source” wherever it is shown, and somebody else approves it.
desk-update-title = Update the warning
desk-update-lead = A new version. The version in force stays until somebody else approves this one.
desk-check-title = Check before you propose
desk-check-says = Somebody other than you approves it before any hospital sees it.
desk-propose = Propose it
desk-form-title = One line that says what happens
desk-form-title-empty = Write one line that says what happens
desk-form-summary = What happened, in plain words
desk-form-summary-empty = Write what happened
desk-form-advice = What hospitals have to do now
desk-form-advice-empty = Write what hospitals have to do
desk-form-level = Severity
desk-form-indicators = Values to look for
desk-form-indicators-hint = One a line: an address, domain, URL, file hash or mail address of the attacker. Empty if there are none.
desk-form-indicators-wrong = Line { $number } of the values: write one address, domain, URL, hash or mail address
desk-form-indicators-many = Write at most { $number } values
desk-form-supplier = Which supplier is it about?
desk-form-supplier-hint = Hospitals that said they do not use it are told “not concerned”.
desk-form-supplier-any = Anybody can be concerned
desk-form-source = Where do you know it from?
desk-form-source-empty = Choose where you know it from
desk-form-tlp = How far may it travel?
desk-form-tlp-hint = A warning reaches every hospital only with CLEAR or GREEN.
fact-warning-proposed = { $who } proposed version { $version }.
fact-warning-approved = { $who } approved it.
fact-warning-declined = { $who } declined it.
fact-warning-sent = Version { $version } went out.
fact-warning-withdrawn = { $who } withdrew it: { $reason }.
notice-desk-approved = Approved. It is on its way to the members.
notice-desk-declined = Declined. No hospital was warned.
notice-desk-proposed = Proposed. Somebody else decides.
notice-desk-withdrawn = Withdrawn. Every member that has it is told.

members-title = Members
members-count = { $count ->
    [0] No member yet
    [one] 1 member
   *[other] { $number } members
}
members-caption = Who is enrolled at this hub
members-empty = Nobody is enrolled here yet.
members-empty-hint = Invite the first hospital. It enters the code with “lazaret enrol”.
members-invite = Invite a member
members-revoke = Revoke
member-role-hospital = Hospital
member-role-national = National hub
member-state-active = Active
member-state-revoked = Revoked
revoke-title = Revoke this member?
revoke-says = “{ $name }” can no longer send or receive. To come back it has to be invited again.
revoke-button = Revoke the member
invite-title = Invite a member
invite-lead = You get a code that works once, for seven days. Give it to the person who runs the node, not by mail.
invite-name = Its name
invite-name-empty = Write its name
invite-country = Country
invite-role = What is it?
invite-make = Make the code
invite-code-title = The code for { $name }
invite-once = This is shown once. It works once, for seven days.
invite-use = lazaret enrol { $code }
notice-revoked = The member is revoked.
notice-suspected-cleared = Noted: somebody looked at the rule.
strip-cut = There are more sightings than this strip looks at; choose fewer hours.

connect-title = Connect a source
connect-lead = Choose the product. Its page has the lines to paste, with this node’s address filled in, and says when the first event arrives.
connect-sending = { $count ->
    [one] 1 source sends
   *[other] { $number } sources send
}
connect-none = Not connected
connect-other = Anything else that speaks syslog, JSON over HTTP, or writes a file:
connect-shows = What the rules see in it: { $what }
connect-arrives = What arrives
connect-waiting = No event of this product has arrived yet.
connect-waiting-hint = This turns green by itself with the first event.
connect-green = Connected.
connect-newest = newest event
connect-others = These sent their first event in the last quarter of an hour and are recognised as something else:
connect-not-read = not read yet
connect-steps = What to do
connect-lines = Lines of step
connect-tried = Tried with { $name }.
connect-untried = Not tried on the real product. Tell us what you had to change.
connect-lacking = This node does not listen there. Add { $line } under [listen] in its lazaret.toml and restart it.
sight-title = What you would see of a real attack
sight-lead = Two recorded attacks, stage by stage, run through the rules of this node now and held against the sources that send.
sight-finding = { $seen } of { $all } stages raise an alert here, { $kept } are kept for a look-back, { $blind } leave no trace.
sight-caption = Stages in order
sight-stage = Stage
sight-day = Day
sight-happens = What happens
sight-here = What this node does
sight-alert = Raises an alert:
sight-kept = Keeps the lines. No rule says anything; a warning finds them later.
sight-blind = Blind: no source sends such lines.
sight-then = Then these rules raise an alert:
sight-connect = Connect { $name }
sources-connect = Connect a source
sources-sight = What you would see of a real attack

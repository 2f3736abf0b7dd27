/// Shown at the start.
pub(super) const BANNER: &str = "\
##################################################################################
Pigear opens a shell here on every alert. Snort goes on meanwhile: alerts wait.

  msg      what Snort said: msg.msg, msg.priority, msg.pkt; TAB after `msg.` has all
  alert    what is known besides: alert.src_ip, alert.class, alert.references
  next     goes on to the next alert, as does Ctrl-D
  quit     ends Pigear; `?` explains more
##################################################################################
";

//! `mainsheet certs`: a CA and certificates for development, so that the first run over TLS takes one command.

mod authority;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use mainsheet_api::time::Clock as _;

use self::authority::{Authority, GROUPS_MAX, Holder};
use super::{Context, Exit, error::CliError};
use crate::{auth::is_trust_domain, clock::SystemClock};

/// Make a CA and certificates to try TLS with
///
/// Whoever has the CA's key decides who anybody is. Where it matters, certificates come from a CA whose key lies on no disk: cert-manager,
/// SPIRE, istiod.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(InitArgs),
    Issue(IssueArgs),
}

/// Make a CA, a certificate for a server, and one for whoever administers it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet certs init
  mainsheet certs init /etc/mainsheet/certs --host mainsheet.istio-system.svc --host 10.0.0.7")]
struct InitArgs {
    /// Where they are written
    #[arg(value_name = "DIR", default_value = "certs")]
    folder: PathBuf,
    /// One more name or address that the server is reached at, beside localhost, 127.0.0.1 and ::1
    #[arg(long, value_name = "NAME|IP")]
    host: Vec<String>,
    /// How long certificates hold; the CA holds for ten times as long
    #[arg(long, value_name = "DAYS", default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

/// Make one more certificate of the CA that `init` made
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet certs issue --service-account istio-mcp/istiod
  mainsheet certs issue --user alice --group dev
  mainsheet certs issue --spiffe spiffe://example.org/edge/7 --name edge-7
  mainsheet certs issue --host hub.example --name hub")]
#[command(group = clap::ArgGroup::new("holder").required(true).args(["service_account", "spiffe", "user", "host"]))]
struct IssueArgs {
    /// Where the CA is, and the certificate is written
    #[arg(value_name = "DIR", default_value = "certs")]
    folder: PathBuf,
    /// For a service account, as Istio names it in a SPIFFE id
    #[arg(long, value_name = "NAMESPACE/NAME")]
    service_account: Option<String>,
    /// The trust domain of that id
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", requires = "service_account")]
    trust_domain: String,
    /// For a SPIFFE id
    #[arg(long, value_name = "ID")]
    spiffe: Option<String>,
    /// For a user, as Kubernetes reads certificates (common name)
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A group that the user is in (organization); may be given twice
    #[arg(long, value_name = "NAME", requires = "user")]
    group: Vec<String>,
    /// For a server that is reached at this name or address; may be given several times
    #[arg(long, value_name = "NAME|IP")]
    host: Vec<String>,
    /// What its files are called, before .crt and .key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How long it holds
    #[arg(long, value_name = "DAYS", default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

/// Long enough for a trial, too short to be forgotten in production.
const DAYS: u32 = 90;

const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let text = match args.command {
        Command::Init(args) => init(&args)?,
        Command::Issue(args) => issue(&args)?,
    };
    write!(context.out, "{text}")?;
    Ok(Exit::Done)
}

fn init(args: &InitArgs) -> anyhow::Result<String> {
    let (folder, now) = (&args.folder, SystemClock::new().wall());
    let hosts: Vec<String> = LOCAL.iter().map(|host| (*host).to_owned()).chain(args.host.clone()).collect();
    let server = Holder::server(&hosts)?;
    let admin = Holder::User { name: "admin".to_owned(), groups: vec!["system:masters".to_owned()] };
    let ca = folder.join("ca.crt");
    ensure!(!ca.exists(), "`{}` is there already: name another directory, or take it away", ca.display());
    std::fs::create_dir_all(folder).with_context(|| format!("make `{}`", folder.display()))?;
    let authority = Authority::new(now, args.days.saturating_mul(10))?;
    authority.write(folder)?;
    authority.issue(&server, now, args.days)?.write(folder, "server")?;
    authority.issue(&admin, now, args.days)?.write(folder, "admin")?;
    let (at, days, hosts) = (folder.display(), args.days, hosts.join(", "));
    Ok(format!(
        "in `{at}`, keys for you only:\n\
         \n\
         ca.crt, ca.key          the CA: whoever has its key decides who anybody is\n\
         server.crt, server.key  a server at {hosts}, for {days} days\n\
         admin.crt, admin.key    user admin in group system:masters, who may do everything, for {days} days\n\
         \n\
         to serve with them, over TLS to clients with a certificate of the CA:\n\
         \n\
         mainsheet serve DIR --tls-cert {at}/server.crt --tls-key {at}/server.key --tls-client-ca {at}/ca.crt\n\
         \n\
         to ask the server:\n\
         \n\
         {}\n\
         \n\
         a certificate for a sink, or for one more user:\n\
         \n\
         mainsheet certs issue {at} --service-account NAMESPACE/NAME\n\
         mainsheet certs issue {at} --user NAME --group GROUP\n",
        ask(folder, "admin")
    ))
}

fn ask(folder: &Path, name: &str) -> String {
    let at = folder.display();
    format!(
        "mainsheet status --server localhost:15012 --ca {at}/ca.crt --cert {at}/{name}.crt --key {at}/{name}.key"
    )
}

fn issue(args: &IssueArgs) -> anyhow::Result<String> {
    let (folder, now) = (&args.folder, SystemClock::new().wall());
    let (holder, name) = holder(args)?;
    let name = args.name.clone().unwrap_or(name);
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        return Err(
            CliError::usage(format!("`{name}` is no name of a file: say another one with --name")).into()
        );
    }
    let cert = folder.join(format!("{name}.crt"));
    ensure!(
        !cert.exists(),
        "`{}` is there already: say another name with --name, or take it away",
        cert.display()
    );
    let authority = Authority::read(folder)?;
    authority.issue(&holder, now, args.days)?.write(folder, &name)?;
    let at = folder.display();
    let next = match &holder {
        Holder::Server(_) => format!(
            "mainsheet serve DIR --tls-cert {at}/{name}.crt --tls-key {at}/{name}.key --tls-client-ca {at}/ca.crt"
        ),
        Holder::Spiffe(_) | Holder::User { .. } => ask(folder, &name),
    };
    Ok(format!("{at}/{name}.crt, {at}/{name}.key: {holder}, for {} days\n\n{next}\n", args.days))
}

/// Whom it is for, and what its files are called unless that is said.
fn holder(args: &IssueArgs) -> anyhow::Result<(Holder, String)> {
    if let Some(account) = &args.service_account {
        let parts =
            account.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let Some((namespace, name)) = parts else {
            return Err(
                CliError::usage(format!("`{account}` is no service account: write NAMESPACE/NAME")).into()
            );
        };
        if !is_trust_domain(&args.trust_domain) {
            return Err(CliError::usage(format!("`{}` is no trust domain", args.trust_domain)).into());
        }
        let id = format!("spiffe://{}/ns/{namespace}/sa/{name}", args.trust_domain);
        return Ok((Holder::spiffe(&id)?, format!("{namespace}.{name}")));
    }
    if let Some(id) = &args.spiffe {
        let name = id.rsplit('/').next().unwrap_or_default().to_owned();
        return Ok((Holder::spiffe(id)?, name));
    }
    if let Some(user) = &args.user {
        if user.is_empty() {
            return Err(CliError::usage("a user has a name").into());
        }
        if args.group.len() > GROUPS_MAX {
            return Err(CliError::usage(format!(
                "at most {GROUPS_MAX} groups fit into a certificate that is made here"
            ))
            .into());
        }
        return Ok((Holder::User { name: user.clone(), groups: args.group.clone() }, user.replace(':', ".")));
    }
    let name = args.host.first().cloned().unwrap_or_default().replace(':', ".");
    Ok((Holder::server(&args.host)?, name))
}

//! The whole chain: a file, mainsheet, istiod, a stock Envoy, an HTTP answer.

use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::{Notes, sink::direct_response, summary};
use crate::{
    envoy::{Api, Bootstrap, Envoy, Services},
    istiod::Istiod,
    tools::Tools,
};
use mainsheet_bench::{mainsheet::Mainsheet, process::free_port};

const HOST: &str = "reviews.shop.svc.cluster.local";

pub(crate) async fn answers_live_http(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let port = free_port()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("service.yaml", &service_entry(port))?;
    mainsheet.write("routes.yaml", &direct_response("reviews", HOST, 418, "teapot"))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let mut istiod = Istiod::start(tools, dir.path(), mainsheet.grpc_port).await?;
    istiod.wait_ready().await?;
    let bootstrap = Bootstrap {
        node_id: "sidecar~10.1.2.3~reviews-1.shop~shop.svc.cluster.local",
        xds_port: istiod.grpc_port,
        api: Api { variant: "GRPC", services: Services::Aggregated },
    };
    let mut envoy = Envoy::start(tools, dir.path(), bootstrap)?;
    envoy.wait_answer(port, HOST, 418, "teapot").await?;
    let mut times = Vec::new();
    for status in 419..424 {
        let body = format!("answer-{status}");
        mainsheet.write("routes.yaml", &direct_response("reviews", HOST, status, &body))?;
        times.push(envoy.wait_answer(port, HOST, status, &body).await?);
    }
    envoy.expect_no_rejection().await?;

    let dump = dir.path().join("config_dump.json");
    std::fs::write(&dump, envoy.config_dump().await?)?;
    let listed = Command::new(tools.program("istioctl"))
        .args(["proxy-config", "route", "-f"])
        .arg(&dump)
        .env_remove("KUBECONFIG")
        .env("HOME", dir.path())
        .output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    ensure!(listed.contains("reviews.shop"), "istioctl does not name the VirtualService:\n{listed}");
    Ok(vec![format!("file edit to live HTTP answer, {}", summary(times))])
}

fn service_entry(port: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: reviews\n  namespace: shop\n\
         spec:\n  hosts: [{HOST}]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
         ports:\n  - number: {port}\n    name: http\n    protocol: HTTP\n"
    )
}

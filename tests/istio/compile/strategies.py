"""Valid Istio objects, drawn at random: the specs of every kind, for a service of a name that is put in later."""

from typing import Any

from hypothesis import strategies as st

from istio.objects.authorization_policy import CONDITIONS
from istio.objects.virtual_service import GRPC_STATUSES, RETRY_CONDITIONS

HOST = "HOST"  # where the name of an object's own service goes
Spec = st.SearchStrategy[dict[str, Any]]


def some(**fields: st.SearchStrategy[Any]) -> Spec:
    """Return a part with any of these fields."""
    return st.fixed_dictionaries({}, optional=dict(fields))


def whole(optional: dict[str, st.SearchStrategy[Any]] | None = None, **fields: st.SearchStrategy[Any]) -> Spec:
    """Return a part with all of these fields, and any of the optional ones."""
    return st.fixed_dictionaries(fields, optional=optional or {})


def few(one: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[list[Any]]:
    """Return one to three."""
    return st.lists(one, min_size=least, max_size=3)


duration = st.one_of(
    st.integers(1, 5000).map(lambda ms: f"{ms}ms"), st.integers(1, 90).map(lambda s: f"{s}s"), st.just("1m30s")
)
name = st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z")
path = st.from_regex(r"\A/[a-z0-9]{0,8}\Z")
header_name = name.map(lambda one: f"x-{one}")
percent = st.one_of(st.integers(0, 100), st.sampled_from([0.0001, 12.5, 99.99])).map(lambda value: {"value": value})
count = st.integers(0, 2**31 - 1)
regex = st.sampled_from(["a.*", "[a-z]+", r"\d{3}", "(a|b)c?", ".*"])
string_match = st.one_of(
    name.map(lambda one: {"exact": one}), name.map(lambda one: {"prefix": one}), regex.map(lambda one: {"regex": one})
)
uri = st.one_of(
    path.map(lambda one: {"exact": one}), path.map(lambda one: {"prefix": one}), regex.map(lambda one: {"regex": one})
)
labels = st.dictionaries(name, name, max_size=2)
destination = whole({"subset": name, "port": st.just({"number": 8080})}, host=st.just(HOST))
operations = some(set=st.dictionaries(header_name, name, max_size=2), add=labels, remove=few(header_name))
headers = some(request=operations, response=operations)
match = some(
    name=name,
    uri=uri,
    scheme=string_match,
    method=string_match,
    authority=string_match,
    headers=st.dictionaries(header_name, string_match, max_size=2),
    withoutHeaders=st.dictionaries(header_name, string_match, max_size=2),
    queryParams=st.dictionaries(name, string_match, max_size=2),
    port=st.just(8080),
    sourceNamespace=st.just("airport"),
    ignoreUriCase=st.booleans(),
)
retry_on = few(st.one_of(st.sampled_from(RETRY_CONDITIONS), st.sampled_from(["503", "429"]))).map(",".join)
retries = st.one_of(
    st.just({"attempts": 0}),
    whole(
        {
            "perTryTimeout": duration,
            "retryOn": retry_on,
            "retryRemoteLocalities": st.booleans(),
            "retryIgnorePreviousHosts": st.booleans(),
            "backoff": duration,
        },
        attempts=st.integers(1, 10),
    ),
)
abort = st.one_of(
    whole({"percentage": percent}, httpStatus=st.integers(200, 599)),
    whole({"percentage": percent}, grpcStatus=st.sampled_from(GRPC_STATUSES)),
)
delay = whole({"percentage": percent}, fixedDelay=duration)
fault = st.one_of(abort.map(lambda one: {"abort": one}), whole(delay=delay, abort=abort))
cors = some(
    allowOrigins=few(string_match),
    allowMethods=few(st.sampled_from(["GET", "POST"])),
    allowHeaders=few(header_name),
    exposeHeaders=few(header_name),
    maxAge=st.integers(1, 99).map(lambda s: f"{s}s"),
    allowCredentials=st.booleans(),
)
forward = whole(
    {
        "name": name,
        "match": few(match),
        "timeout": duration,
        "retries": retries,
        "fault": fault,
        "rewrite": st.one_of(
            path.map(lambda one: {"uri": one}),
            name.map(lambda one: {"authority": one}),
            whole(uriRegexRewrite=whole(match=regex, rewrite=path)),
        ),
        "mirrors": few(whole({"percentage": percent}, destination=destination)),
        "headers": headers,
        "corsPolicy": cors,
    },
    route=few(whole({"headers": headers}, destination=destination, weight=st.integers(1, 100))),
)
redirect = whole(
    {"match": few(match), "headers": headers},
    redirect=whole(
        {
            "authority": name,
            "scheme": st.sampled_from(["http", "https"]),
            "port": st.integers(1, 65535),
            "redirectCode": st.sampled_from([301, 302, 303, 307, 308]),
        },
        uri=path,
    ),
)
answer = whole(
    {"match": few(match)},
    directResponse=whole(
        {"body": st.one_of(name.map(lambda one: {"string": one}), st.just({"bytes": "aGk="}))},
        status=st.integers(200, 599),
    ),
)
virtual_service = whole(hosts=st.just([HOST]), http=few(st.one_of(forward, forward, redirect, answer)))

hashed = st.one_of(
    header_name.map(lambda one: {"httpHeaderName": one}),
    st.just({"useSourceIp": True}),
    name.map(lambda one: {"httpQueryParameterName": one}),
    whole(httpCookie=whole({"path": path, "ttl": duration}, name=name)),
)
ring: Spec = st.one_of(
    st.just({}),
    st.integers(1, 4096).map(lambda size: {"ringHash": {"minimumRingSize": size}}),
    st.sampled_from([251, 65537]).map(lambda size: {"maglev": {"tableSize": size}}),
)
balancer = st.one_of(
    st.sampled_from(["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"]).map(
        lambda one: {"simple": one}
    ),
    whole({"warmupDurationSecs": duration}, simple=st.sampled_from(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"])),
    whole(
        simple=st.sampled_from(["ROUND_ROBIN", "LEAST_REQUEST"]),
        warmup=whole({"minimumPercent": st.integers(0, 100), "aggression": st.integers(1, 5)}, duration=duration),
    ),
    st.tuples(hashed, ring).map(lambda parts: {"consistentHash": {**parts[0], **parts[1]}}),
)
tcp_pool = some(
    maxConnections=count,
    connectTimeout=duration,
    tcpKeepalive=some(probes=st.integers(0, 9), time=duration, interval=duration),
    maxConnectionDuration=duration,
    idleTimeout=duration,
)
http_pool = some(
    http1MaxPendingRequests=count,
    http2MaxRequests=count,
    maxRequestsPerConnection=count,
    maxRetries=count,
    idleTimeout=duration,
    h2UpgradePolicy=st.sampled_from(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]),
    useClientProtocol=st.booleans(),
).filter(lambda one: not (one.get("useClientProtocol") and one.get("h2UpgradePolicy") == "UPGRADE"))
pool = st.one_of(whole({"http": http_pool}, tcp=tcp_pool), whole(http=http_pool))
outlier = some(
    consecutiveGatewayErrors=count,
    consecutive5xxErrors=count,
    interval=duration,
    baseEjectionTime=duration,
    maxEjectionPercent=st.integers(0, 100),
    minHealthPercent=st.integers(0, 100),
    splitExternalLocalOriginErrors=st.booleans(),
)
tls = st.one_of(
    st.just({"mode": "DISABLE"}),
    whole({"sni": name, "subjectAltNames": few(name)}, mode=st.just("ISTIO_MUTUAL")),
    whole({"sni": name, "subjectAltNames": few(name), "caCertificates": st.just("/ca.pem")}, mode=st.just("SIMPLE")),
    st.just({"mode": "MUTUAL", "clientCertificate": "/c.pem", "privateKey": "/k.pem"}),
    st.just({"mode": "SIMPLE", "insecureSkipVerify": True}),
)
blocks = {"loadBalancer": balancer, "connectionPool": pool, "outlierDetection": outlier, "tls": tls}
budget = some(percent=st.integers(0, 100), minRetryConcurrency=st.integers(0, 100))
port_policy = whole(dict(blocks), port=st.just({"number": 8080})).filter(lambda one: len(one) > 1)
policy = some(**blocks, retryBudget=budget, portLevelSettings=st.lists(port_policy, max_size=1)).filter(
    lambda one: any(value != [] for value in one.values())
)
subset = whole({"trafficPolicy": policy, "labels": labels}, name=name)
destination_rule = whole(
    {"trafficPolicy": policy, "subsets": st.lists(subset, max_size=2, unique_by=lambda one: str(one["name"]))},
    host=st.just(HOST),
)

address = st.integers(1, 250).map(lambda last: f"192.0.2.{last}")
entry_port = whole({"targetPort": st.integers(1, 65535)}, number=st.just(8080), name=st.just("http"),
                   protocol=st.sampled_from(["HTTP", "HTTP2", "GRPC", "http", "TCP", "TLS", "HTTPS"]))  # fmt: skip
entry_rest = {
    "addresses": st.lists(address, max_size=2, unique=True),
    "location": st.sampled_from(["MESH_EXTERNAL", "MESH_INTERNAL"]),
    "subjectAltNames": few(name),
}
blocks_too = {
    **entry_rest,
    "addresses": st.lists(st.one_of(address, st.just("198.51.100.0/24")), max_size=2, unique=True),
}
service_entry = st.one_of(
    whole(
        blocks_too,
        hosts=st.just([f"{HOST}.example.test"]),
        resolution=st.just("STATIC"),
        ports=entry_port.map(lambda one: [one]),
        endpoints=few(whole({"weight": st.integers(0, 100), "labels": labels}, address=address)),
    ),
    whole(
        entry_rest,
        hosts=st.just([f"{HOST}.example.test"]),
        resolution=st.sampled_from(["DNS", "DNS_ROUND_ROBIN"]),
        ports=entry_port.map(lambda one: [one]),
    ),
)

text = st.one_of(st.just("*"), name, name.map(lambda one: f"{one}*"), name.map(lambda one: f"*{one}"))
block = st.one_of(address, st.just("10.0.0.0/8"))
port_text = st.integers(1, 65535).map(str)
rule_path = st.one_of(text, path, st.just("/a/{*}/b"), st.just("/a/{**}"))
source = st.one_of(
    some(principals=few(text), notPrincipals=few(text), namespaces=few(text), ipBlocks=few(block)),
    some(serviceAccounts=few(name), notIpBlocks=few(block), remoteIpBlocks=few(block), notRemoteIpBlocks=few(block)),
).filter(bool)
operation = some(
    hosts=few(text), notHosts=few(text), ports=few(port_text), notPorts=few(port_text), methods=few(text),
    notMethods=few(text), paths=few(rule_path), notPaths=few(rule_path),
).filter(bool)  # fmt: skip


def _condition(key: str) -> Spec:
    kind = block if key.endswith(".ip") else port_text if key.endswith(".port") else text
    if key == "source.serviceAccount":
        kind = name
    return whole({"notValues": few(kind)}, key=st.just(key.replace("NAME", "x-user")), values=few(kind))


condition = st.sampled_from(CONDITIONS).flatmap(_condition)
rule = some(
    **{"from": few(source.map(lambda one: {"source": one})), "to": few(operation.map(lambda one: {"operation": one}))},
    when=few(condition),
)
authorization_policy = whole(action=st.sampled_from(["ALLOW", "DENY", "AUDIT"]), rules=few(rule))
mode = st.sampled_from(["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]).map(lambda one: {"mode": one})
peer_authentication = whole(
    {"portLevelMtls": st.dictionaries(st.integers(1, 65535), mode, min_size=1, max_size=2), "mtls": mode},
    selector=st.just({"matchLabels": {"app": HOST}}),
)
server_hosts = few(st.sampled_from(["*", "*.test", "a.test", "airport/b.test", "./c.test", "*/d.test"]))
plain_server = whole(
    {"tls": st.booleans().map(lambda one: {"httpsRedirect": one})},
    port=whole(number=st.integers(1, 65535), name=name, protocol=st.sampled_from(["HTTP", "HTTP2", "GRPC"])),
    hosts=server_hosts,
)
tls_rest = {
    "minProtocolVersion": st.sampled_from(["TLS_AUTO", "TLSV1_2", "TLSV1_3"]),
    "cipherSuites": st.just(["ECDHE-RSA-AES256-GCM-SHA384"]),
}
tls_server = whole(
    port=whole(number=st.integers(1, 65535), name=name, protocol=st.sampled_from(["HTTPS", "https"])),
    hosts=server_hosts,
    tls=st.one_of(
        st.just({"mode": "ISTIO_MUTUAL"}),
        whole(tls_rest, mode=st.just("SIMPLE"), credentialName=name),
        whole(
            {**tls_rest, "subjectAltNames": few(name)},
            mode=st.sampled_from(["MUTUAL", "OPTIONAL_MUTUAL"]),
            credentialName=name,
        ),
    ),
)
gateway = whole(
    selector=st.just({"app": "gateway"}), servers=st.one_of(plain_server, tls_server).map(lambda one: [one])
)
sidecar = whole(
    {
        "egress": st.tuples(
            few(st.sampled_from(["./*", "*/*", "airport/*", "~/*"])).map(lambda one: {"hosts": one})
        ).map(list),
        "outboundTrafficPolicy": some(mode=st.sampled_from(["REGISTRY_ONLY", "ALLOW_ANY"])),
        "inboundConnectionPool": pool,
    },
    workloadSelector=st.just({"labels": {"app": HOST}}),
).filter(lambda one: len(one) > 1)
KINDS: dict[str, Spec] = {
    "VirtualService": virtual_service,
    "DestinationRule": destination_rule,
    "ServiceEntry": service_entry,
    "Gateway": gateway,
    "Sidecar": sidecar,
    "PeerAuthentication": peer_authentication,
    "AuthorizationPolicy": authorization_policy,
}
_OFTEN = ["VirtualService", "DestinationRule", *KINDS]
istio_object = st.sampled_from(_OFTEN).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind]))

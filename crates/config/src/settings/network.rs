/*! Addresses and networks, as `WSGITrustedProxies` names them. *Runs in: parent (parsing), child (per request).* */

use std::net::{IpAddr, Ipv4Addr};

/// One entry of `WSGITrustedProxies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Network {
    /// An address, or a network in one of the forms that httpd's `Require ip` takes too.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(word).ok()?;
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<IpAddr>() {
            let width = if address.is_ipv4() { 32 } else { 128 };
            let prefix = match mask {
                None => width,
                Some(mask) => prefix_length(mask, address.is_ipv4())?,
            };
            return (prefix <= width).then(|| Self { address, prefix }.canonical());
        }
        if mask.is_some() { None } else { partial(address) }
    }

    /// The same network, an IPv4 one in IPv6 clothes (`::ffff:10.0.0.0/104`) undressed.
    #[must_use]
    pub fn canonical(self) -> Self {
        match (self.address, self.address.to_canonical(), self.prefix.checked_sub(96)) {
            (IpAddr::V6(_), IpAddr::V4(v4), Some(prefix)) => Self { address: IpAddr::V4(v4), prefix },
            _ => self,
        }
    }

    /// Whether `address` lies in it; `::ffff:10.0.0.1` is `10.0.0.1`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own) ^ u32::from(other)).leading_zeros() >= prefix,
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own) ^ u128::from(other)).leading_zeros() >= prefix,
            _ => false,
        }
    }
}

/// `10.` or `10.1`: the first one to three bytes of an IPv4 network.
fn partial(text: &str) -> Option<Network> {
    let mut octets = [0; 4];
    let mut slots = octets.iter_mut();
    let mut prefix: u8 = 0;
    for part in text.strip_suffix('.').unwrap_or(text).split('.') {
        *slots.next()? = octet(part)?;
        prefix += 8;
    }
    (prefix < 32).then(|| Network { address: IpAddr::V4(Ipv4Addr::from(octets)), prefix })
}

fn octet(part: &str) -> Option<u8> {
    part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `8`, or for IPv4 `255.0.0.0`.
fn prefix_length(mask: &str, v4: bool) -> Option<u8> {
    if let Some(bits) = octet(mask) {
        return Some(bits);
    }
    let mask = u32::from(mask.parse::<Ipv4Addr>().ok().filter(|_| v4)?);
    let bits = mask.leading_ones();
    (bits == mask.count_ones()).then(|| u8::try_from(bits).ok()).flatten()
}

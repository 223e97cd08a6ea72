// Approving is signing. The approver's key is read from its file, signs here and
// never leaves the browser: the server gets a signed note (the format of Go's
// checksum database) that it checks against payments.approvers.
import { exponent } from './format.js';

const utf8 = new TextEncoder();
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const hexOf = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

// An Ed25519 seed as PKCS 8, the form in which browsers take it.
const pkcs8 = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

// approver reads the file that paylake pay key has made; null: it is none.
export function approver(text) {
  const m = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim());
  if (!m) return null;
  const key = bytesOf(m[3]);
  if (key.length !== 33 || key[0] !== 1) return null; // 1: Ed25519
  return { name: m[1], hash: Uint8Array.from(m[2].match(/../g), (h) => parseInt(h, 16)), seed: key.slice(1) };
}

// plain writes an amount as the signed text has it: 1250.00 KGS.
export function plain(minor, currency) {
  const digits = exponent(currency) ?? 0;
  const text = String(minor).padStart(digits + 1, '0');
  return (digits ? text.slice(0, -digits) + '.' + text.slice(-digits) : text) + ' ' + currency;
}

// approval is the text that says which payment is approved: a batch of one.
export async function approval(intent) {
  const line = intent.payment_id + ' ' + intent.fingerprint;
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode('paylake payment batch 1\n' + line)));
  const batch = 'b_' + hexOf(sum.slice(0, 8));
  return { batch, text: `paylake payment approval 1\nbatch ${batch}\npayments 1\ntotal ${plain(intent.amount_minor, intent.currency)}\n${line}\n` };
}

export async function signed(text, who) {
  const key = await crypto.subtle.importKey('pkcs8', new Uint8Array([...pkcs8, ...who.seed]), { name: 'Ed25519' }, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key, utf8.encode(text)));
  return `${text}\n\u2014 ${who.name} ${base64(new Uint8Array([...who.hash, ...signature]))}\n`;
}

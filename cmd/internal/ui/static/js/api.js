// The product API, as the browser's session may use it.

// Problem is an answer that is none: RFC 9457 where the server got to say it.
export class Problem extends Error {
  constructor(status, title, detail) {
    super(title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

let csrf = '';
let leave = () => {};

export function onSignedOut(told) { leave = told; }

export function address(path, params = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) if (one !== '' && one !== null && one !== undefined) url.searchParams.append(name, one);
  }
  return url;
}

async function ask(method, url, { body, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  let answer;
  try {
    answer = await fetch(url, { method, headers, signal, credentials: 'same-origin', body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    throw new Problem(0, '', '');
  }
  if (answer.ok) return answer.status === 204 ? null : read(answer);
  const said = await read(answer);
  throw new Problem(answer.status, said?.title ?? answer.statusText, said?.detail ?? '');
}

async function read(answer) {
  const text = await answer.text();
  if (!text) return null;
  try { return JSON.parse(text); } catch { return null; }
}

async function asked(method, url, options) {
  try {
    return await ask(method, url, options);
  } catch (err) {
    if (err instanceof Problem && err.status === 401) leave();
    throw err;
  }
}

// A warehouse that is busy says so with 503: a question changes nothing and may
// be asked again, a little later each time.
const later = [400, 1500, 4000]; // milliseconds

export async function get(path, params, signal) {
  for (let i = 0; ; i++) {
    try {
      return await asked('GET', address(path, params), { signal });
    } catch (err) {
      if (err.status !== 503 || i === later.length) throw err;
      await new Promise((go) => setTimeout(go, later[i] * (0.75 + Math.random() / 2)));
      signal?.throwIfAborted();
    }
  }
}

export const post = (path, body = {}) => asked('POST', address(path), { body });

export async function session() {
  try {
    const s = await ask('GET', '/session');
    csrf = s?.csrf ?? '';
    return s;
  } catch (err) {
    if (err instanceof Problem && err.status === 401) return null;
    throw err;
  }
}

export async function signIn(key) {
  await ask('POST', '/session', { body: { key } });
  return session();
}

export async function signOut() {
  await ask('DELETE', '/session');
  csrf = '';
}

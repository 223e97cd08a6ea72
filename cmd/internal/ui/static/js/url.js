// The address holds what is shown: the page and every picker. Going back is
// then going back to what was seen, and an address can be sent to somebody.

const shared = ['span', 'from', 'to', 'wallet_id', 'currency', 'snapshot'];

// parse reads #/page/detail?name=value.
export function parse(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/').map(decodeURIComponent);
  return { page, detail: rest.join('/'), params: new URLSearchParams(query ?? '') };
}

export function format(page, params, detail = '') {
  const query = params.toString();
  return '#/' + page + (detail ? '/' + encodeURIComponent(detail) : '') + (query ? '?' + query : '');
}

// to is a link to another page: the pickers come along, the rest is given.
export function to(page, extra = {}, detail = '') {
  const now = parse().params;
  const next = new URLSearchParams();
  for (const name of shared) if (now.get(name)) next.set(name, now.get(name));
  return format(page, merged(next, extra), detail);
}

function merged(params, changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value === '' || value === null || value === undefined) params.delete(name);
    else params.set(name, value);
  }
  return params;
}

// change stays on the page and changes some of its parameters.
export function change(changes) {
  const { page, detail, params } = parse();
  location.hash = format(page, merged(params, changes), detail);
}

export function get(name) { return parse().params.get(name) ?? ''; }

// A day with heroku-client as a program has it; the last line is what it saw, as JSON.
// HEROKU_HOST, HEROKU_API_KEY and SSL_CERT_FILE say where; the argument is an app's name.
'use strict'

const Heroku = require('heroku-client')
const heroku = new Heroku({ host: process.env.HEROKU_HOST, token: process.env.HEROKU_API_KEY })
const same = (written, read) => Object.entries(written).every(([k, v]) => JSON.stringify(read[k]) === JSON.stringify(v))

async function refused (asked) {
  try {
    await asked
  } catch (error) {
    return [error.statusCode, error.body.id]
  }
}

async function main (name) {
  const seen = {}
  const me = await heroku.get('/account')
  seen.account = me.email
  const app = await heroku.post('/apps', { body: { name, region: 'local', stack: 'heroku-24' } })
  const at = `/apps/${app.id}`
  seen.app = same(app, await heroku.get(at))
  seen.listed = (await heroku.get('/apps')).some((one) => one.id === app.id)
  seen.paged = (await heroku.get('/apps', { headers: { Range: 'id ..; max=1' } })).some((one) => one.id === app.id)
  seen.mine = (await heroku.get('/users/~/apps')).some((one) => one.id === app.id)
  seen.filtered = (await heroku.post('/filters/apps', { body: { in: { id: [app.id] } } })).map((one) => one.name)
  const vars = { A: '1', B: 'zwölf', C: '' }
  await heroku.patch(`${at}/config-vars`, { body: vars })
  seen.config = same(vars, await heroku.get(`${at}/config-vars`))
  seen.unset = await heroku.patch(`${at}/config-vars`, { body: { A: null, C: null } })
  seen.unchanged = await heroku.patch(`${at}/config-vars`, { body: {} })
  seen.maintenance = (await heroku.patch(at, { body: { maintenance: true } })).maintenance
  seen.released = (await heroku.get(`${at}/releases`))[0].version
  seen.sizes = (await heroku.get('/dyno-sizes')).map((one) => one.name)
  seen.size = (await heroku.get('/dyno-sizes/standard-1x')).name
  seen.available = (await heroku.get(`${at}/available-dyno-sizes`)).length > 0
  for (const [kind, path] of [['stack', '/stacks'], ['region', '/regions'], ['generation', '/generations']]) {
    const [only] = await heroku.get(path)
    seen[kind] = same(only, await heroku.get(`${path}/${only.name}`)) && same(only, await heroku.get(`${path}/${only.id}`))
  }
  seen.stacks = (await heroku.get(`${at}/available-stacks`)).length
  seen.sources = Object.keys((await heroku.post(`${at}/sources`)).source_blob).sort()
  const domain = await heroku.post(`${at}/domains`, { body: { hostname: `www.${name}.example`, sni_endpoint: null } })
  seen.domain = (await heroku.get(`${at}/domains/${domain.id}`)).hostname
  seen.undomained = (await heroku.delete(`${at}/domains/${domain.hostname}`)).id === domain.id
  seen.rate = (await heroku.get('/account/rate-limits')).remaining > 0
  const renamed = `${name}-2`
  seen.renamed = (await heroku.patch(at, { body: { name: renamed } })).name
  seen.unknown = await refused(heroku.get(`/apps/${name}`))
  seen.invalid = await refused(heroku.post('/apps', { body: { name: 'No!' } }))
  seen.taken = await refused(heroku.post('/apps', { body: { name: renamed } }))
  seen.destroyed = (await heroku.delete(at)).id === app.id
  seen.gone = await refused(heroku.get(at))
  return seen
}

main(process.argv[2]).then((seen) => console.log(JSON.stringify(seen)))

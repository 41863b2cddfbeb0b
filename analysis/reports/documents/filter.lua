-- From a report's page to a document: what the style sheet says of classes is said to typst and Word.
local to_typst = FORMAT == 'typst'
local known = {}  -- the ids that a link may point to
local colon, comma  -- as the language writes them

-- A mark with the space behind it, if the language writes one.
local function mark(said)
  local sign, space = pandoc.utils.stringify(said):match('^(.-)(%s*)$')
  return pandoc.Inlines(space == '' and { pandoc.Str(sign) } or { pandoc.Str(sign), pandoc.Space() })
end

local function language(meta)
  colon, comma = mark(meta.colon), mark(meta.comma)
  meta.colon, meta.comma = nil, nil  -- or Word would show them among its properties
  return meta
end

local function has(element, class)
  return element.attr and element.classes:includes(class)
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', '\\%0') .. '"'
end

local PLAIN = { Str = true, Space = true, SoftBreak = true }

-- Content for a typst call: a string where it is plain text, else markup.
local function typst(content)
  local blocks = pandoc.utils.type(content) == 'Inlines' and { pandoc.Plain(content) } or content
  if #blocks == 0 then return '[]' end
  local one = #blocks == 1 and blocks[1].t == 'Plain' and blocks[1].content
  if one and not one:find_if(function(part) return not PLAIN[part.t] end) then
    return quoted(pandoc.utils.stringify(one))
  end
  local text = pandoc.write(pandoc.Pandoc(blocks), 'typst', { wrap_text = 'none' })
  return '[' .. text:gsub('%s+$', '') .. ']'
end

local function raw(text)
  return pandoc.RawBlock('typst', text)
end

local function label(id)
  return id ~= '' and ' <' .. id .. '>' or ''
end

-- ---- tables ----

local SIDE = { AlignLeft = 'left', AlignRight = 'right', AlignCenter = 'center' }

local function each_row(tbl, act)
  for _, row in ipairs(tbl.head.rows) do act(row, true) end
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do act(row, false) end
  end
end

local function typst_cell(cell, column)
  local how = {}
  if cell.alignment ~= 'AlignDefault' and cell.alignment ~= column then
    how[#how + 1] = 'align: ' .. SIDE[cell.alignment]
  end
  if cell.col_span > 1 then how[#how + 1] = 'colspan: ' .. cell.col_span end
  if cell.row_span > 1 then how[#how + 1] = 'rowspan: ' .. cell.row_span end
  local text = typst(cell.contents)
  if #how == 0 then return text end
  return 'table.cell(' .. table.concat(how, ', ') .. ', ' .. text .. ')'
end

local function typst_table(tbl)
  local sides, shares = {}, {}
  for at, spec in ipairs(tbl.colspecs) do
    sides[at] = SIDE[spec[1]] or 'left'
    shares[at] = (spec[2] or 1) * 100 .. 'fr'
  end
  local head, body, rows = {}, {}, 0
  each_row(tbl, function(row, is_head)
    local into = is_head and head or body
    local opens = row.cells[1] and row.cells[1].row_span > 1
    if not is_head then
      if opens and rows > 0 then body[#body + 1] = 'table.hline(stroke: hairline)' end
      rows = rows + 1
    end
    for at, cell in ipairs(row.cells) do
      into[#into + 1] = typst_cell(cell, #row.cells == #sides and tbl.colspecs[at][1] or '')
    end
    if is_head then into[#into + 1] = 'table.hline(stroke: hairline)' end
  end)
  local caption = #tbl.caption.long > 0 and typst(tbl.caption.long) or 'none'
  local parts = {
    'shares: (' .. table.concat(shares, ', ') .. ',)',
    ('size: %spt, whole: %s'):format(tbl.attributes.size, tbl.attributes.whole),
    'align: (' .. table.concat(sides, ', ') .. ',)',
    'caption: ' .. caption,
    'table.hline(stroke: rule)',
  }
  if #head > 0 then parts[#parts + 1] = 'table.header(' .. table.concat(head, ', ') .. ')' end
  return raw('#listing(' .. table.concat(parts, ', ') .. ',\n' .. table.concat(body, ',\n') .. ')'
    .. label(tbl.identifier))
end

-- ---- cited numbers ----

local function number(div, first, last)
  local parts = { value = pandoc.Inlines({}), rest = pandoc.Inlines({}) }
  for _, inline in ipairs(div.content[1].content) do
    if inline.t == 'Strong' then
      parts.value = inline.content
    elseif has(inline, 'lj-interval') or has(inline, 'lj-count') then
      if #parts.rest > 0 then parts.rest:extend(comma) end
      parts.rest:extend(inline.content)
    elseif inline.t == 'Span' then
      parts.what = inline.content
    end
  end
  if to_typst then
    local rest = #parts.rest > 0 and typst(parts.rest) or 'none'
    return raw(('#cited(%s, %s, %s, %s, %s)%s'):format(
      typst(parts.what), typst(parts.value), rest, first, last, label(div.identifier)))
  end
  local line = parts.what .. colon .. { pandoc.Strong(parts.value) }
  if #parts.rest > 0 then line = line .. comma .. parts.rest end
  return pandoc.Div(pandoc.Para(line), { id = div.identifier, ['custom-style'] = 'Cited Number' })
end

local function is_number(block)
  return block and block.t == 'Div' and has(block, 'lj-number')
end

-- ---- what is done to every element, from the inside out ----

local function inline_link(link)
  if has(link, 'lj-anchor') then return {} end
  if has(link, 'lj-label') then return pandoc.Strong(link.content) end
  local own = link.target:match('^#(.+)')
  if has(link, 'lj-what') or (own and not known[own]) then return link.content end
  if not own and not link.target:match('^https?:') and not link.target:match('^mailto:') then
    return link.content  -- a file beside the page is not beside the document
  end
  link.attributes = {}
  link.title = ''
  return link
end

local function simulated(span)
  if not has(span, 'lj-simulated') then return nil end
  if not to_typst then
    return pandoc.Span(span.content, { ['custom-style'] = 'Simulated' })
  end
  return pandoc.RawInline('typst', '#mark(' .. typst(span.content) .. ')')
end

-- A formula says in TeX what it is to a reader who cannot see it.
local function formula(math)
  if not to_typst then return nil end
  local set = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), 'typst')
  local block = tostring(math.mathtype == 'DisplayMath')
  return pandoc.RawInline('typst', ('#math.equation(alt: %s, block: %s, %s)'):format(
    quoted(math.text), block, set:gsub('%s+$', '')))
end

-- A picture among words stands no wider than the text.
local function picture(image)
  if not to_typst then return nil end
  return pandoc.RawInline('typst', ('#box(image(%s, alt: %s, width: %s))'):format(
    quoted(image.src), quoted(pandoc.utils.stringify(image.caption)),
    image.attributes.share and image.attributes.share .. '%' or 'auto'))
end

local function figure(fig)
  local image
  fig:walk({ Image = function(found) image = image or found end })
  if not to_typst or not image then return nil end
  return raw(('#drawing(%s, %s, %s, %s, %s, label(%s))'):format(
    quoted(image.src), quoted(pandoc.utils.stringify(image.caption)), typst(fig.caption.long),
    image.attributes.share or '100', fig.attributes.floats or 'false', quoted(fig.identifier)))
end

-- The ids of a paragraph that holds nothing else: of numbers that are recorded and not shown.
local function bare_ids(block)
  if block.t ~= 'Para' and block.t ~= 'Plain' then return nil end
  local found = {}
  for _, inline in ipairs(block.content) do
    if inline.t == 'Span' and inline.identifier ~= '' and #inline.content == 0 then
      found[#found + 1] = inline.identifier
    elseif not PLAIN[inline.t] or inline.t == 'Str' then
      return nil
    end
  end
  return #found > 0 and found or nil
end

-- They stand where the next block does and take no line of their own.
local function without_bare(list)
  local out, waiting = pandoc.List(), {}
  for at, block in ipairs(list) do
    local found = at < #list and bare_ids(block)
    for _, id in ipairs(found or {}) do
      if to_typst then
        out:insert(raw('#metadata(none)' .. label(id)))
      else
        waiting[#waiting + 1] = id
      end
    end
    if not found then
      for _, id in ipairs(waiting) do block = pandoc.Div({ block }, { id = id }) end
      waiting = {}
      out:insert(block)
    end
  end
  return out
end

local function blocks(list)
  local out = pandoc.List()
  list = without_bare(list)
  for at, block in ipairs(list) do
    if is_number(block) then
      out:insert(number(block, tostring(not is_number(list[at - 1])), tostring(not is_number(list[at + 1]))))
    elseif block.t == 'Table' then
      out:insert(to_typst and typst_table(block) or block)
    elseif block.t == 'Div' and has(block, 'lj-table') and #block.content == 1 and block.content[1].t == 'RawBlock' then
      out:insert(raw(block.content[1].text .. label(block.identifier)))
    elseif to_typst and block.t == 'Div' and has(block, 'appendix') then
      out:insert(raw('#appendix['))
      out:extend(block.content)
      out:insert(raw(']'))
    elseif block.t == 'Div' and not block.attributes['custom-style'] and block.identifier == '' then
      out:extend(block.content)
    else
      out:insert(block)
    end
  end
  return out
end

local function ids(element)
  if element.identifier ~= '' then known[element.identifier] = true end
end

return {
  { Meta = language },
  { Div = ids, Header = ids, Figure = ids, Table = ids },
  { Link = inline_link },
  { Span = simulated },
  { Figure = figure },
  { Math = formula, Image = picture },
  { Blocks = blocks },
}
